#pragma once
/// The entries of a shard: a node plus the data that this kind of cache stores.
/// Threads: its members are called by one strand (a shard's lock); readers look meanwhile.

#include "memory/node.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace strata::memory {

/// Trivially destructible, as it lives as long as its memory.
///   key_type, value_type      what is stored
///   accepts(key)              whether a cell can hold such a key
///   key_bytes(key)            bytes its key takes on the heap
///   lingers                   readers may hold a value that has left its cell
///   fill(hash, key, value)    for an empty cell
///   put(value)                another value of the same key, in one word; returns the old
///   take()                    empties it
///   move_to(empty)            to another cell
///   hash()                    of its key
/// For readers, which may run at the same time as any of those:
///   look(hash, key)           the value under `key`, read atomically: a found_type, which is trivial to
///   copy,
///                             and true if something was found
///   share(found)              the shared_type to return; called while the reader is in its section
template <class C>
concept cell = std::derived_from<C, node> && std::is_trivially_destructible_v<C> &&
               std::is_trivially_copyable_v<typename C::found_type> &&
               requires(C& one, const C& seen, C::key_type key, C::value_type value, C::found_type found,
                        std::uint64_t hash) {
                 { C::accepts(key) } -> std::same_as<bool>;
                 { C::key_bytes(key) } -> std::same_as<std::size_t>;
                 { C::lingers } -> std::convertible_to<bool>;
                 { one.fill(hash, key, std::move(value)) } -> std::same_as<void>;
                 { one.put(std::move(value)) } -> std::same_as<typename C::value_type>;
                 { one.take() } -> std::same_as<typename C::value_type>;
                 { one.move_to(one) } -> std::same_as<void>;
                 { seen.hash() } -> std::same_as<std::uint64_t>;
                 { seen.look(hash, key) } -> std::same_as<typename C::found_type>;
                 { C::share(found) } -> std::same_as<typename C::shared_type>;
               };

}  // namespace strata::memory
