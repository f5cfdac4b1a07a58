#pragma once
/// The gateway in one process: database, cache, platform, and the two listeners.
/// Threads: one opens, starts and stops it; the listeners have threads of their own.

#include "gateway/config.hpp"
#include "gateway/log.hpp"
#include "platform/passwords.hpp"

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/store.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace strata::gateway {

class gateway {
 public:
  /// Opens the database, migrates its tables and constructs all parts; serves nothing yet.
  /// `second_level` is shared with other gateways; null: the configured store.
  /// Errors: the part that cannot be opened, the reason, and what to do. Throws bad_options.
  /// Lifetime: `log` outlives the gateway.
  static result<std::unique_ptr<gateway>> open(const config& values, logs& log,
                                               std::shared_ptr<store> second_level = nullptr);
  ~gateway();
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  /// Fills the database with the demo platform if it is empty.
  /// Returns a line for each role: "EMAIL PASSWORD admin|member ORG_ID".
  result<std::vector<std::string>> fill_demo();

  /// Serves; returns when both listeners accept. Errors: busy, for an address that cannot be bound.
  result<void> start();

  /// Replaces the rate limits in force. Callers of a changed limit count from zero.
  void set_rates(const rate_config& to);

  /// Adds the keys that are configured now and makes the active one active; logs what changed. Keys that are
  /// no longer configured stay readable until the next start.
  void reload_keys(const encryption_config& from);

  /// Reads the files of tls.cert and tls.key again, for the connections that follow. Requires: started.
  result<void> reload_tls();

  /// "http://127.0.0.1:8080", or https:// with TLS. Requires: started.
  std::string url() const;
  std::string admin_url() const;

  /// Reports "not ready", stops accepting, finishes running requests within drain_timeout and ends all
  /// threads. Returns whether every request finished. Idempotent.
  bool stop();

 private:
  struct state;
  explicit gateway(std::unique_ptr<state> parts);
  std::unique_ptr<state> state_;
};

/// The program's version, e.g. "0.1.0".
std::string version();

/// Numbers of PostgreSQL connections that read and that write.
struct pool_sizes {
  std::uint32_t readers = 0;
  std::uint32_t writers = 0;
};

/// How passwords are hashed.
platform::password_settings passwords_of(const auth_config& from);

/// Opens the configured database. Errors: with what to do.
result<std::shared_ptr<database>> open_database(const config& values);
result<std::shared_ptr<database>> open_database(const config& values, pool_sizes sizes);

}  // namespace strata::gateway
