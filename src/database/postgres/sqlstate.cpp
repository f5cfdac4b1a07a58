#include "database/postgres/sqlstate.hpp"

#include "core/text.hpp"
#include "database/postgres/sql_text.hpp"

#include <fmt/format.h>

namespace strata::detail {

errc kind_of(std::string_view state) {
  if (state == "40001" || state == "40P01") return errc::contention;  // serialization, deadlock
  if (state == "57014" || state == "25P03" || state == "55P03") return errc::timeout;
  if (state == "53300") return errc::busy;
  if (state == "08P01") return errc::statement;  // e.g. parameters that do not fit the statement
  if (state == "22012") return errc::statement;  // division by zero
  const auto kind = state.substr(0, 2);
  if (kind == "23" || kind == "44") return errc::constraint;
  if (kind == "22") return errc::invalid_argument;
  if (kind == "54") return errc::too_large;
  if (kind == "08" || kind == "28" || kind == "53" || kind == "57" || kind == "58" || kind == "F0" ||
      kind == "XX" || state == "3D000") {
    return errc::database_unavailable;
  }
  return errc::statement;
}

bool ends_connection(std::string_view state) {
  return state.starts_with("08") ? state != "08P01"
                                 : (state.starts_with("57P") || state == "25P03" || state == "25P04");
}

bool is_stale_plan(std::string_view state, std::string_view raised_in) {
  return state == "26000" || (state == "0A000" && raised_in == "RevalidateCachedQuery");
}

bool is_refused_write(std::string_view state, bool begins) {
  return state == "25006" || (begins && state == "0A000");
}

bool is_standby(std::string_view state, std::string_view raised_in) {
  return state == "0A000" && raised_in == "get_relation_info";
}

error database_error(std::string_view state, std::string_view message, std::string_view statement) {
  std::string text(message);
  // "invalid input syntax for type bigint: "x"": what these quote is what a parameter held.
  if (state.starts_with("22")) {
    if (const auto quote = text.find('"'); quote != std::string::npos) {
      text.erase(quote);
      while (text.ends_with(' ') || text.ends_with(':')) text.pop_back();
    }
  }
  if (statement.empty()) return {kind_of(state), fmt::format("{} (SQLSTATE {})", text, state)};
  return {kind_of(state), fmt::format("{} (SQLSTATE {}, in: {})", text, state, shortened(statement))};
}

}  // namespace strata::detail
