#pragma once
/// The data of a run: two tables, their history, and their cache keys.
/// Threads: values and pure functions.
///
/// For every change of a row, a trigger in the same transaction stamps the row with the next number of a
/// sequence and inserts (stamp, row, token) into `history`. Writers of one row wait for each other there, so
/// a row's stamps are in commit order, and a version that is not in the history was never committed.

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
  std::int64_t token = 0;  ///< of the write that stored this version
  std::int64_t stamp = 0;
  std::string pad;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(item, (), (id, grp, token, stamp, pad, version))

/// A row as it appears in a list.
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

/// A group's moment, as a session of the library reads it. The text that another session reads depends on its
/// settings.
std::string moment_of(std::uint32_t group);

/// The tables, their triggers, and the initial rows.
std::string schema(const key_space& keys);

/// The invalidation rules of each table: the row's key, the lists under the prefix of its group's moment
/// (items), and the query results that read the table (bulk).
std::vector<outbox_rule> rules();

}  // namespace strata::consistency
