#pragma once
/// Field values and documents of responses: Cache-Status (RFC 9211), RateLimit
/// (draft-ietf-httpapi-ratelimit-headers), problem documents (RFC 9457). All append to a string.
/// Threads: pure functions.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strata::http {

/// How a cache handled a request. Requires: `cache` and `detail` are tokens.
struct cache_status {
  std::string_view cache = "strata";
  std::string_view forward;  ///< the reason for forwarding, e.g. "miss"; empty: a hit
  bool stored = false;
  bool collapsed = false;
  std::optional<std::chrono::seconds> ttl;
  std::string_view detail;
};

/// `strata; hit; ttl=1200; detail=l1`
void append(std::string& out, const cache_status& status);

struct rate_limit {
  std::string_view policy = "default";
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  std::chrono::seconds window{};
  std::chrono::seconds reset_after{};
};

/// `"default";q=100;w=60`
void append_policy(std::string& out, const rate_limit& state);
/// `"default";r=57;t=12`
void append_state(std::string& out, const rate_limit& state);

struct problem_entry {
  std::string_view pointer;  ///< `pointer` if it is empty or starts with '/', else `parameter`
  std::string_view detail;
};

/// The problem document of an answer. An empty title is replaced by the status's phrase; bytes
/// that are not UTF-8 become U+FFFD.
void append_problem(std::string& out, int status, std::string_view title, std::string_view detail,
                    std::span<const problem_entry> errors = {});

/// "Not Found"; empty for a status without a registered phrase.
std::string_view reason_phrase(int status) noexcept;

/// Appends digits. Cost: no allocation but `out`'s.
void append_number(std::string& out, std::uint64_t number);
void append_signed(std::string& out, std::int64_t number);

}  // namespace strata::http
