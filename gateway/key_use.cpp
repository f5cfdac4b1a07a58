#include "gateway/key_use.hpp"

#include "gateway/gateway.hpp"

#include <strata/network_store.hpp>
#include <strata/open.hpp>
#include <strata/task.hpp>

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

namespace strata::gateway {

namespace {

using counts = std::map<std::uint32_t, std::uint64_t>;
using namespace std::chrono_literals;

result<counts> count_values(const std::string& url, duration patience) {
  if (url == "memory") return counts();
  auto opened = open_store(url, {.timeout = 5s, .trust_for = 5s, .heartbeat = 250ms});
  if (!opened) return std::unexpected(std::move(opened.error()));
  for (duration waited{}; !(*opened)->health().usable && waited < patience; waited += 20ms) {
    std::this_thread::sleep_for(20ms);
  }
  return sync_wait((*opened)->count_keys());
}

/// The id in "1.ID.…", as session_store writes the details of a session; 0: they are not encrypted.
std::uint32_t key_of(std::string_view details) {
  std::uint32_t id = 0;
  if (!details.starts_with("1.")) return 0;
  std::from_chars(details.data() + 2, details.data() + details.size(), id);
  return id;
}

result<counts> count_sessions(const config& values) {
  auto opened = open_database(values, {.readers = 1, .writers = 1});
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto rows =
      sync_wait((*opened)->query("SELECT SUBSTR(details, 1, 13) AS sealed FROM sessions", sql_parameters{}));
  if (!rows) {
    if (rows.error().code == errc::statement) return counts();  // a database without sessions
    return std::unexpected(rows.error());
  }
  counts out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto* text = std::get_if<std::string>(&rows->at(i, "sealed"));
    ++out[text == nullptr ? 0 : key_of(*text)];
  }
  return out;
}

std::uint64_t at(const counts& of, std::uint32_t id) {
  const auto found = of.find(id);
  return found == of.end() ? 0 : found->second;
}

}  // namespace

std::uint64_t key_use::of(std::uint32_t id) const {
  return at(values, id) + at(sessions, id);
}

result<key_use> count_key_use(const config& values, duration patience) {
  auto in_store = count_values(values.store, patience);
  if (!in_store) return fail(in_store.error().code, "store: " + in_store.error().detail);
  auto in_database = count_sessions(values);
  if (!in_database) return std::unexpected(std::move(in_database.error()));
  return key_use{.values = std::move(*in_store), .sessions = std::move(*in_database)};
}

}  // namespace strata::gateway
