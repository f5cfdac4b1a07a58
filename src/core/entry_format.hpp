#pragma once
/// The format of an entry in the second level, byte by byte (docs/formats.md has an example):
///
///   0   2  "S1", the version of this format
///   2   1  flags: 1 negative ("not found", no payload), 2 zstd, 4 encrypted, 8 authenticated; 4 alone of the
///          last three, or 8 with or without 2
///   3   1  number of tags
///   4   8  asof, big-endian, where a script can compare it without decoding the rest
///  12   8  life: how long the entry was fresh when it was filled, milliseconds, big-endian
///  20   8  grace: how long after its life it may be served stale, milliseconds, big-endian
///  28      tags: each 2 bytes length (1 to 1024), big-endian, and its bytes
///          if encrypted or authenticated: 4 bytes id of the key, big-endian
///          if encrypted: a nonce of 24 bytes
///          the body, to the end; src/codec/envelope.hpp describes it
///
/// Threads: pure functions.

#include <strata/error.hpp>
#include <strata/key.hpp>
#include <strata/time.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

struct entry_header {
  commit_time asof = 0;
  duration life{};
  duration grace{};
  bool negative = false;
  std::vector<std::string> tags;
};

/// How the body of an entry is wrapped.
struct entry_wrapping {
  bool zstd = false;
  bool authenticated = false;  ///< `key_id` does not encrypt: it authenticates what may be read
  std::uint32_t key_id = 0;    ///< 0: neither encrypted nor authenticated
  std::array<unsigned char, 24> nonce{};
};

inline constexpr std::size_t max_entry_tags = 255;
inline constexpr std::size_t max_tag_length = key::max_length;

/// Whether a value can carry these tags: at most max_entry_tags of them, each of 1 to max_tag_length bytes.
/// Errors: invalid_argument with the first problem.
result<void> check_tags(const std::vector<std::string>& tags);

/// Appends the header to `out`; the body follows.
/// Errors: invalid_argument, and `out` is unchanged: tags that check_tags refuses; life or grace not from 0
///         to 366 days; both zstd and encrypted; authenticated without a key.
result<void> append_header(std::string& out, const entry_header& header, const entry_wrapping& wrapping = {});

struct parsed_entry {
  entry_header header;
  entry_wrapping wrapping;
  std::string_view body;  ///< points into the parsed bytes
};

/// Splits an entry into header and body. Only its envelope knows whether it is whole and authentic.
/// Errors: corrupt_entry with the cause.
result<parsed_entry> parse_entry(std::string_view bytes);

}  // namespace strata
