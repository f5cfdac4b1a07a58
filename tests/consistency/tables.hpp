#pragma once
/// What is read and written in a run: two tables, their history, and the keys they are cached under.
/// Threads: values and pure functions.
///
/// Whoever changes a row, a trigger of the same transaction stamps it with the next number of a sequence and
/// writes (stamp, row, token) down in `history`. All who change a row wait for each other there, so the
/// stamps of a row are in the order of their commits, and what is not in the history was never committed.

#include "tests/consistency/plan.hpp"

#include <strata/entity.hpp>
#include <strata/json_codec.hpp>
#include <strata/outbox.hpp>

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::consistency {

/// A row of either table.
struct item {
  std::string id;
  std::int64_t grp = 0;
  std::int64_t token = 0;  ///< of the write that made it so
  std::int64_t stamp = 0;
  std::string pad;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(item, (), (id, grp, token, stamp, pad, version))

/// What a list tells of a row.
struct line {
  std::string id;
  std::int64_t stamp = 0;
};
BOOST_DESCRIBE_STRUCT(line, (), (id, stamp))

inline std::string id_of(std::uint32_t key) {
  return "n" + std::to_string(key);
}
inline std::uint32_t key_of(std::string_view id) {
  return static_cast<std::uint32_t>(std::stoul(std::string(id.substr(1))));
}
inline const char* table_of(const key_space& keys, std::uint32_t key) {
  return keys.is_bulk(key) ? "bulk" : "items";
}
inline std::string padding() {
  return std::string(180, '.');
}

/// The tables, their triggers, and the rows that there are at first.
std::string schema(const key_space& keys);

/// What a change of each table makes invalid: the row's key, the lists under its group's prefix (of items)
/// and the query results that read the table (of bulk).
std::vector<outbox_rule> rules();

}  // namespace strata::consistency
