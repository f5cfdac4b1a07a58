#pragma once
/// The hash of every table whose keys a client may choose.
/// Threads: pure; `fix_hash_secret` before any other thread runs.

#include <strata/key.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace strata::detail {

/// Keyed: see hash_of.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return hash_of(text); }
};

template <class Text, class T>
using text_map = std::unordered_map<Text, T, text_hash, std::equal_to<>>;

/// Derives the secret of hash_of from `seed`: for programs that repeat a run exactly.
/// Requires: no hash exists yet.
void fix_hash_secret(std::uint64_t seed) noexcept;

}  // namespace strata::detail
