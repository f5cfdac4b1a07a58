#pragma once
/// The layout of the store's keys, values and messages in Redis; docs/formats.md has every byte.
/// The scripts (scripts.cpp) use the same layouts.
/// Threads: pure functions and immutable values.

#include <strata/store.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace strata::redis {

/// Milliseconds since 1970 by the server's clock.
using server_time = std::uint64_t;

/// The news of a change give the length of a key in 2 bytes.
inline constexpr std::size_t longest_key = 0xffff;

/// Begins every value.
struct value_header {
  static constexpr std::size_t size = 24;
  bool expired = false;
  bool record = false;      ///< stored by `put`: has no asof, and outlives epochs
  std::uint32_t epoch = 0;  ///< the server's at the fill; a value of an older epoch is void
  commit_time asof = 0;
  server_time end = 0;  ///< when the server drops it
};

/// `header` and then `bytes`.
std::string encode_value(const value_header& header, std::string_view bytes);
/// Eight bytes as the header holds `end`, for the script `touch`.
std::string encode_end(server_time end);
/// Nothing if `stored` does not start with a header.
std::optional<value_header> decode_header(std::string_view stored) noexcept;

/// The names beside the values: `name_space` is "strata", and every key begins with "strata:".
struct store_names {
  explicit store_names(std::string_view name_space);
  std::string prefix;         ///< of every value: "strata:"; empty: every key of the database is one
  std::string lease_pattern;  ///< the glob of all leases
  std::string buckets;        ///< begins the name of each rate limit's bucket
  std::string clock;          ///< hash: now, epoch, run
  std::string floors;         ///< hash: bucket, with an "s" if soft → asof; in the clock's slot
  std::string channel;        ///< for changes that no key shows
};

/// The name of `key`'s lease, in the same slot as `key`. Requires: not empty.
std::string lease_name(std::string_view key);
/// The key of the lease called `name`; nothing if `name` is not a lease.
std::optional<std::string_view> key_of_lease(std::string_view name) noexcept;
/// Whether `key` is a lease, the clock, the floors or a rate limit's bucket.
bool is_beside(std::string_view key) noexcept;

/// A floor's field in the hash, and back.
std::string floor_field(const floor_entry& floor);
std::optional<floor_entry> parse_floor(std::string_view field, std::string_view asof) noexcept;

/// A message on the channel.
struct news {
  struct cleared {
    std::uint32_t epoch = 0;
  };
  struct new_epoch {
    std::uint32_t epoch = 0;
  };
  using changed = std::vector<std::string_view>;  ///< those after an empty one were not removed
  using floors = std::vector<floor_entry>;

  std::string_view origin;  ///< 16 characters that name the sender
  std::variant<changed, floors, cleared, new_epoch> what;
};
/// Nothing if it cannot be read: then a change may have been missed. The views point into `message`.
std::optional<news> parse_news(std::string_view message);

/// Sixteen hex digits.
std::string hex16(std::uint64_t number);

}  // namespace strata::redis
