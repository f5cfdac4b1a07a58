/// The code of docs/guide/sessions.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>

strata::task<> tour(strata::database& database, strata::cache& cache,
                    std::shared_ptr<const strata::key_ring> keys) {
  const auto script = strata::session_store::schema();
  const strata::migration steps[] = {{1, "sessions", script}};
  CHECK(co_await strata::migrate(database, steps, [] { return strata::system_clock().wall(); }));
  strata::session_store sessions(database, cache, {.encryption = keys});

  const strata::new_session of{.user_id = "usr_1", .device = "Firefox", .address = "192.0.2.7"};
  const auto login = co_await sessions.create(of);
  CHECK(login.has_value());
  const auto& token = login->token;  // for the client alone: only its hash is stored

  const auto held = co_await sessions.find(token);  // counts as a use
  CHECK(held && held->user_id == "usr_1");

  CHECK(co_await sessions.end_all("usr_1"));  // "log out everywhere"
  CHECK(!co_await sessions.find(token));
  CHECK(co_await sessions.maintain());
}

int main() {
  auto name = (std::filesystem::temp_directory_path() / "strata-guide-XXXXXX").string();
  CHECK(mkdtemp(name.data()) != nullptr);
  {
    const auto opened = strata::open_sqlite({.file = name + "/sessions.db"});
    CHECK(opened.has_value());
    const auto keys = std::make_shared<const strata::key_ring>("1:" + strata::key_ring::generate());
    strata::cache cache({.encryption = keys});
    strata::sync_wait(tour(**opened, cache, keys));
    cache.stop_filling();
  }
  std::filesystem::remove_all(name);
}
