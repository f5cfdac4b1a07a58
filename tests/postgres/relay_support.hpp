#pragma once
/// Shared by the tests of the relay: a table with a rule, and a recorder of the changes a store reports.
/// Threads: one; the listener is internally locked.

#include "tests/postgres/support.hpp"

#include <strata/outbox.hpp>
#include <strata/relay.hpp>

#include <mutex>
#include <set>

namespace strata::test {

/// Records the keys that a store reports as changed.
class key_listener final : public store_observer {
 public:
  explicit key_listener(std::shared_ptr<store> of) : of_(std::move(of)) { of_->observe(*this); }
  ~key_listener() override { of_->unobserve(*this); }

  void changed(std::string_view key) override {
    std::lock_guard lock(mutex_);
    keys_.emplace(key);
  }
  void floor_raised(floor_entry floor) override {
    std::lock_guard lock(mutex_);
    floors_.insert(floor.bucket);
  }
  void lost(bool) override {}
  void trust_until(time_point, time_point) override {}

  bool heard(const std::string& key) const {
    std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }
  std::set<std::string> keys() const {
    std::lock_guard lock(mutex_);
    return keys_;
  }
  std::size_t floors() const {
    std::lock_guard lock(mutex_);
    return floors_.size();
  }

 private:
  const std::shared_ptr<store> of_;
  mutable std::mutex mutex_;
  std::set<std::string> keys_;
  std::set<std::uint32_t> floors_;
};

class RelayTest : public PostgresTest {
 protected:
  RelayTest() {
    elsewhere("CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT)");
    install({.table = "agents",
             .keys = {"agent:{id}"},
             .prefixes = {"api:agents:list:{organization_id}"},
             .tags = {table_tag("agents")}});
  }

  void install(outbox_rule rule, outbox_options options = {}) {
    auto done = sync_wait(install_outbox(*db, std::move(rule), options));
    if (!done) throw std::runtime_error(done.error().detail);
  }

  /// A database with the options that a relay needs.
  std::shared_ptr<database> source() const { return open({.readers = 1, .writers = 1}); }
  relay_options speaking_to(std::shared_ptr<store> target) const {
    return {.source = source(), .target = std::move(target), .log = noting()};
  }
  log_function noting() const {
    return [lines = lines_](log_level, std::string_view line) {
      std::lock_guard lock(lines->first);
      lines->second += std::string(line) + '\n';
    };
  }
  std::string log() const {
    std::lock_guard lock(lines_->first);
    return lines_->second;
  }

  static std::uint64_t clears(const relay& of, clear_reason why) {
    return of.stats().clears[static_cast<std::size_t>(why)];
  }
  /// Returns when `of` has published everything committed so far.
  static void wait_until_relayed(const relay& of) {
    const auto asked = system_clock().now();
    wait_until([&] { return system_clock().now() - of.stats().lag > asked; });
  }

  std::shared_ptr<database> db = open();

 private:
  const std::shared_ptr<std::pair<std::mutex, std::string>> lines_ =
      std::make_shared<std::pair<std::mutex, std::string>>();
};

}  // namespace strata::test
