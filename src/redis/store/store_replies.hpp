#pragma once
/// Arguments and replies of the store's scripts as values, and lease tokens.
/// Threads: pure functions; `lease_tokens` any.

#include "redis/connection/client.hpp"
#include "redis/format/store_format.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>
#include <strata/store.hpp>
#include <strata/time.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace strata::redis {

/// Keys in one call of a script: the server is busy with it for about 100 µs.
inline constexpr std::size_t batch_size = 100;

/// Whole milliseconds, at least one: the server rejects 0.
inline std::string in_ms(duration span) {
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(span).count();
  return std::to_string(std::max<std::int64_t>(1, count));
}

/// Lease tokens, unique in one process and across processes.
class lease_tokens {
 public:
  lease_tokens() {
    std::random_device entropy;
    next_ = std::uint64_t{entropy()} << 32 | entropy();
  }
  std::string next() noexcept {
    // splitmix64 (Steele, Lea, Flood 2014) from a random start.
    auto z = next_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return hex16(z == 0 ? 1 : z);
  }

 private:
  std::atomic<std::uint64_t> next_;
};

/// Whether a command found a key of another type than Strata's: another program has written it.
inline bool is_of_another_type(const resp::value& reply) {
  return reply.is_error() && reply.error().code == "WRONGTYPE";
}

/// The stored value; nothing if it is of an epoch before `epoch`, or ended by `now`. A key of another type is
/// a value that no codec can decode, so that the next fill replaces it.
inline std::optional<stored_value> to_stored_value(resp::value&& reply, std::uint32_t epoch,
                                                   server_time now) {
  if (is_of_another_type(reply)) return stored_value{};
  if (!reply.is_text()) return std::nullopt;
  const auto header = decode_header(reply.text());
  if (!header || (!header->record && header->epoch < epoch) || header->end <= now) return std::nullopt;
  stored_value out{.bytes = std::move(reply).take_text(),
                   .asof = header->asof,
                   .ttl = std::chrono::milliseconds(header->end - now),
                   .expired = header->expired};
  out.bytes.erase(0, value_header::size);
  return out;
}

/// The reply to script lease that was called with `token`.
inline lease_grant to_lease_grant(const resp::value& reply, const std::string& token) {
  const auto items = reply.items();
  if (items.size() != 2) return {};
  lease_grant out{.lease = 0, .granted_at = static_cast<commit_time>(items[1].integer().value_or(0))};
  if (items[0].integer() == 1) out.lease = std::stoull(token, nullptr, 16);
  return out;
}

inline result<fill_result> to_fill_result(const resp::value& reply) {
  if (reply.is_error()) return std::unexpected(to_error(reply));
  switch (reply.integer().value_or(-1)) {
    case 0:
      return fill_result::stored;
    case 1:
      return fill_result::lease_lost;
    case 2:
      return fill_result::below_floor;
    case 3:
      return fill_result::older;
    default:
      return std::unexpected(unexpected_reply("script fill"));
  }
}

}  // namespace strata::redis
