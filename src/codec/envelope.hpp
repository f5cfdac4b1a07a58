#pragma once
/// The envelope around an entry, which makes stored bytes trustworthy. `seal_entry` writes the
/// header of src/core/entry_format.hpp and a body that is one of
///
///   in clear    without a ring: payload, and 8 bytes of checksum: XXH3-64 of all that is before it, seeded
///   with the
///               XXH3-64 of the key's name, big-endian. It detects accidental
///               damage and misplaced entries; it does not protect against an attacker.
///   zstd        the same, the payload being one zstd frame.
///   authenticated  as both of these, with 16 bytes of MAC in place of the checksum: SipHash-2-4-128 of all
///               that is before it, under a key that is the SipHash-2-4-128 of the key's name under the
///               ring's.
///   encrypted   ciphertext and 16 bytes of tag: XChaCha20-Poly1305 (IETF) with a random nonce,
///               the associated data being the header up to the nonce's end, then the key's name.
///
/// So asof, life, grace, flags, tags and the format's version are readable but authenticated, and a value
/// opens only under its own name. Encrypted payloads are never compressed: the size of a
/// compressed secret reveals how much it has in common with the text beside it (CRIME, 2012).
///
/// Threads: pure functions.

#include "codec/compression.hpp"
#include "core/entry_format.hpp"

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <string>
#include <string_view>

namespace strata::detail {

/// No value is ever decompressed beyond this.
inline constexpr std::size_t decompress_limit = 64u << 20;

struct seal_options {
  std::string_view name;            ///< the whole key in the store, with its namespace
  const key_ring* keys = nullptr;   ///< authenticate with its active key; null: in clear
  bool sensitive = false;           ///< encrypt with that key
  std::size_t max_size = 1u << 20;  ///< larger payloads are not compressed, so their size shows
  const dictionaries* known = nullptr;
};

/// The bytes of an entry.
/// Requires: `keys` is null or has an active key, and is not null if sensitive; a negative entry has no
/// payload. Errors: invalid_argument for a header that append_header refuses. Cost: one copy of `payload`;
/// above 1 KiB, or with a dictionary, zstd; 1.4 µs a KiB if encrypted, 0.6 if
///       authenticated.
result<std::string> seal_entry(const entry_header& header, std::string_view payload,
                               const seal_options& options);

struct open_options {
  std::string_view name;  ///< the whole key in the store, with its namespace
  const key_ring* keys =
      nullptr;             ///< null: entries with a key cannot be read; else those without one are refused
  bool sensitive = false;  ///< refuse entries that are not encrypted: an attacker may have put them there
  std::size_t max_size = 1u << 20;  ///< of a compressed payload; decompress_limit holds besides
  const dictionaries* known = nullptr;
};

/// An entry that is whole and, if it was encrypted, authentic.
class opened_entry {
 public:
  entry_header header;

  /// Lifetime: as long as this object and the bytes that it was opened from.
  std::string_view payload() const noexcept { return owned_ ? std::string_view(made_) : within_; }

 private:
  friend result<opened_entry> open_entry(std::string_view, const open_options&);
  std::string_view within_;
  std::string made_;
  bool owned_ = false;
};

/// Opens an entry of `seal_entry`.
/// Errors: corrupt_entry with the reason, unauthentic_entry if a MAC is wrong or missing; never a value that
/// was
///         not sealed under this name.
result<opened_entry> open_entry(std::string_view bytes, const open_options& options);

/// The header of an entry that is whole and authentic; its payload is not decompressed.
/// Errors: as open_entry.
result<entry_header> check_entry(std::string_view bytes, const open_options& options);

}  // namespace strata::detail
