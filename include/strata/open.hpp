#pragma once
/// Stores from a URL; open_database.hpp opens databases.
/// Threads: any.
///
///   auto shared = strata::open_store("redis://127.0.0.1:6379");
///   strata::cache cache({.second_level = *shared});

#include <strata/error.hpp>
#include <strata/log.hpp>
#include <strata/network_store.hpp>
#include <strata/time.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// Which values a server reports when another client changes them.
enum class tracked_keys {
  all,   ///< every value of the name space
  read,  ///< values that this process has read; the server remembers them
};

/// Options of a store that is opened from a URL.
struct store_options {
  /// Every key begins with it and a colon. Must equal `cache_options::name_space`.
  std::string name_space = "strata";
  /// How long a reply may take.
  duration timeout = std::chrono::milliseconds(200);
  /// How long a cache may trust its memory after the last proof that it received every change.
  duration trust_for = std::chrono::milliseconds(250);
  /// How often the store is asked for that proof; at most a quarter of `trust_for`. Half as often after a
  /// second without changes. A store that only a relay uses needs less: `{.trust_for = 1s, .heartbeat =
  /// 250ms}`.
  duration heartbeat = std::chrono::milliseconds(25);
  /// `read` suits a process that holds few of many keys: docs/guide/redis.md.
  tracked_keys tracked = tracked_keys::all;

  /// A relay applies other programs' writes to the source to this store (relay.hpp). A cache then trusts its
  /// memory only while the relay works, and until `bound` after the last commit that the relay has applied.
  bool relayed = false;
  duration bound = std::chrono::milliseconds(350);

  /// Receives lines for an operator; called from any thread, also after `open_store`.
  log_function log = [](log_level, std::string_view) {};
};

/// The store at `url`. Returns at once: it connects in the background, and reconnects when needed. Until it
/// is connected every call fails with store_unavailable, and a cache works without it.
///
///   redis://[user[:password]@]host[:port][/database][?name=N]         Redis 7 or Valkey
///   rediss://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS, verified
///   unix://[user[:password]@]/path/of.sock[?database=N][&name=N]
///   redis+sentinel://[user[:password]@]host[:port][,host[:port]…][/database]?master=NAME[&name=N]
///       [&sentinel-user=U][&sentinel-password=P]                      the master that these sentinels name
///   rediss+sentinel://…                                               the same through TLS, also to them
///   redis+cluster://[user[:password]@]host[:port][,host[:port]…][?name=N]
///                                                                     the cluster that has these nodes
///   rediss+cluster://…                                                the same through TLS, to every node
///
/// The parts of the URL are percent-decoded (%40 is @).
/// Errors: invalid_argument, with the problem of the URL. Throws bad_options.
result<std::shared_ptr<network_store>> open_store(std::string_view url, const store_options& options = {});

/// Checks `url` without connecting. Errors: as `open_store`.
result<void> check_store_url(std::string_view url);

/// `url`, of a store or a database, with `***` in place of each password.
std::string without_password(std::string_view url);

}  // namespace strata
