#pragma once
/// The keys that protect values in the second level: those of sensitive policies are encrypted, all others
/// are authenticated.
///
///   auto keys = std::make_shared<strata::key_ring>("2:NEW 1:OLD");  // NEW writes, both read
///   strata::cache cache({.second_level = redis, .encryption = keys});
///
/// Sensitive values are sealed with XChaCha20-Poly1305, others carry a SipHash-2-4 of 128 bits under a key
/// derived from the ring's. Both bind a value to its key, name space and header. So the store can neither
/// change a value nor move it to another key, nor read a sensitive one. docs/guide/encryption.md explains how
/// to rotate keys, and what the store still sees.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

class key_ring;

namespace detail {
/// The 32 bytes of key `id`, or null. Lifetime: the ring's.
const unsigned char* key_bytes(const key_ring& ring, std::uint32_t id) noexcept;
/// The 16 bytes that authenticate under key `id`, or null. Lifetime: the ring's.
const unsigned char* mac_key_bytes(const key_ring& ring, std::uint32_t id) noexcept;
}  // namespace detail

/// Keys by id: one writes, all read. Keys are kept out of core dumps and, as far as the system's
/// limits allow, out of swap. They are wiped at the end, and nothing here ever prints one.
/// Threads: any may add and activate keys while caches use the ring. No key is ever removed: to retire
///          one, start without it.
class key_ring {
 public:
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t max_keys = 64;

  /// A ring without keys: the same as no ring.
  key_ring();

  /// Reads "id:key id:key …", separated by spaces or commas. The first key is the active one. Throws
  /// bad_options that names every problem by its id or place, never a key.
  explicit key_ring(std::string_view text);

  ~key_ring();
  key_ring(const key_ring&) = delete;
  key_ring& operator=(const key_ring&) = delete;

  /// Adds a key; the first becomes the active one. Choose any `id` but 0; it is stored
  /// with every value. Throws bad_options.
  void add(std::uint32_t id, std::span<const std::byte, key_size> key);

  /// The same from text: 64 hex digits, or base64 (either alphabet, padded or not).
  void add(std::uint32_t id, std::string_view text);

  /// Makes key `id` the one that writes. Throws bad_options if there is no such key.
  void activate(std::uint32_t id);

  /// Adds key `id` of `other`. Throws bad_options if it is not there, or here already.
  void add_from(const key_ring& other, std::uint32_t id);

  /// Whether both rings have key `id`, with the same bytes. Takes constant time.
  bool has_same(const key_ring& other, std::uint32_t id) const noexcept;

  /// The key that writes, or 0.
  std::uint32_t active() const noexcept;

  /// All ids, in the order they were added.
  std::vector<std::uint32_t> ids() const;

  /// A new random key as base64 text, for `add`.
  static std::string generate();

 private:
  friend const unsigned char* detail::key_bytes(const key_ring&, std::uint32_t) noexcept;
  friend const unsigned char* detail::mac_key_bytes(const key_ring&, std::uint32_t) noexcept;
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata
