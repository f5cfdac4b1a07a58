#pragma once
/// How an entry looks in the second level, byte by byte:
///
///   0   2  "S1"
///   2   1  flags: 1 = negative ("not found", no payload)
///   3   1  number of tags
///   4   8  asof, big-endian, where a script can compare it without decoding the rest
///  12   8  the whole life of the entry when it was filled, milliseconds, big-endian
///  20   8  grace: how long after its life it may be served stale, milliseconds, big-endian
///  28      tags: each 2 bytes length, big-endian, and its bytes
///          the payload, to the end
///
/// Threads: pure functions.

#include <strata/error.hpp>
#include <strata/time.hpp>

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

inline constexpr std::size_t max_entry_tags = 255;

/// Appends the header to `out`; the payload follows.
/// Requires: at most max_entry_tags tags, each under 64 KiB.
void append_header(std::string& out, const entry_header& header);

struct decoded_entry {
  entry_header header;
  std::string_view payload;  ///< points into what was decoded
};

/// Errors: corrupt_entry with what is wrong.
result<decoded_entry> decode_entry(std::string_view bytes);

}  // namespace strata
