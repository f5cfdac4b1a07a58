#pragma once
/// Stores from a URL; open_database.hpp opens databases.
/// Threads: any.
///
///   auto shared = strata::open_store("redis://127.0.0.1:6379");
///   strata::cache cache({.second_level = *shared});

#include <strata/error.hpp>
#include <strata/network_store.hpp>
#include <strata/time.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// Of which values a server tells when others change them.
enum class tracked_keys {
  all,   ///< of every one in the name space
  read,  ///< of those that this process has read, which the server remembers for it
};

/// Options of a store that is opened from a URL.
struct store_options {
  /// Every key begins with it and a colon; the same as `cache_options::name_space`.
  std::string name_space = "strata";
  /// How long an answer may take.
  duration timeout = std::chrono::milliseconds(200);
  /// How long what is in memory may be trusted without hearing from the store.
  duration trust_for = std::chrono::milliseconds(250);
  /// How often it is asked; at most a quarter of `trust_for`.
  duration heartbeat = std::chrono::milliseconds(25);
  /// `read` is for a process that holds few of many keys: docs/guide/redis.md.
  tracked_keys tracked = tracked_keys::all;

  /// A relay tells this store what others write to the source (relay.hpp): what is held is trusted only
  /// while it does, and never for longer than `bound` after what it has told last was committed.
  bool relayed = false;
  duration bound = std::chrono::milliseconds(350);

  /// Told what an operator should know, one line each; called from any thread, also after `open_store`.
  std::function<void(std::string_view line)> log = [](std::string_view) {};
};

/// The store at `url`. Returns at once: the connection is made in the background, kept, and made anew.
/// Until it is there every call fails with store_unavailable, and a cache goes on without it.
///
///   redis://[user[:password]@]host[:port][/database][?name=N]         Redis 7 or Valkey
///   rediss://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS, verified
///   unix://[user[:password]@]/path/of.sock[?database=N][&name=N]
///   redis+sentinel://[user[:password]@]host[:port][,host[:port]…][/database]?master=NAME[&name=N]
///       [&sentinel-user=U][&sentinel-password=P]                      the master that these sentinels name
///   rediss+sentinel://…                                               the same through TLS, also to them
///   redis+cluster://[user[:password]@]host[:port][,host[:port]…][?name=N]
///                                                                     the cluster of which these are nodes
///   rediss+cluster://…                                                the same through TLS, to every node
///
/// What stands in the URL is percent-decoded (%40 is @).
/// Errors: invalid_argument, with what is wrong with the URL. Throws bad_options.
result<std::shared_ptr<network_store>> open_store(std::string_view url, const store_options& options = {});

/// What is wrong with `url`, if something is: what `open_store` would say.
result<void> check_store_url(std::string_view url);

/// `url`, of a store or a database, without its passwords: `***` stands for each.
std::string without_password(std::string_view url);

}  // namespace strata
