#pragma once
/// How the store's keys, values and messages look in Redis; docs/formats.md says it byte by byte.
/// The scripts (scripts.cpp) know the same layouts.
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

/// Begins every value.
struct value_header {
  static constexpr std::size_t size = 24;
  bool expired = false;
  bool record = false;      ///< stored by `put`: has no asof, and outlives epochs
  std::uint32_t epoch = 0;  ///< the server's when it was filled; a value of an older one is not there
  commit_time asof = 0;
  server_time end = 0;  ///< when the server forgets it
};

/// `header` and then `bytes`.
std::string encode_value(const value_header& header, std::string_view bytes);
/// Eight bytes as the header holds `end`, for the script `touch`.
std::string encode_end(server_time end);
/// Nothing if `stored` does not begin with a header.
std::optional<value_header> decode_header(std::string_view stored) noexcept;

/// The names beside the values: `name_space` is "strata", and every key begins with "strata:".
struct store_names {
  explicit store_names(std::string_view name_space);
  std::string prefix;         ///< of every value: "strata:"; empty for every key of the database
  std::string lease_pattern;  ///< the glob of all leases
  std::string clock;          ///< hash: now, epoch, run
  std::string floors;         ///< hash: bucket, with an "s" if soft → asof; in the clock's slot
  std::string channel;        ///< where changes are told that no key shows
};

/// The name of `key`'s lease, in the same slot as `key`. Requires: not empty.
std::string lease_name(std::string_view key);
/// The key whose lease `name` is; nothing if it is none.
std::optional<std::string_view> key_of_lease(std::string_view name) noexcept;
/// Whether `key` is one of ours beside the values.
bool is_beside(std::string_view key) noexcept;

/// A floor's field in the hash, and back.
std::string floor_field(const floor_entry& floor);
std::optional<floor_entry> parse_floor(std::string_view field, std::string_view asof) noexcept;

/// What a message on the channel says.
struct news {
  struct cleared {
    std::uint32_t epoch = 0;
  };
  struct new_epoch {
    std::uint32_t epoch = 0;
  };
  using changed = std::vector<std::string_view>;
  using floors = std::vector<floor_entry>;

  std::string_view origin;  ///< 16 characters, as the store chose them
  std::variant<changed, floors, cleared, new_epoch> what;
};
/// Nothing if it is not understood: something was then missed. The views point into `message`.
std::optional<news> parse_news(std::string_view message);

/// Sixteen hex digits.
std::string hex16(std::uint64_t number);

}  // namespace strata::redis
