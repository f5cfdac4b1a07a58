#pragma once
/// The sentinels that watch a group of Redis servers, and who is its master.
/// Threads: internally locked; every member from any thread.
///
/// There is a connection to each sentinel: to those that were given, and to those that they name, so
/// that one reachable address is enough to begin with. All are asked at once, and the newest answer
/// counts (sentinel_replies.hpp). That a server is master is then verified where it is connected to.
///
/// A sentinel also tells by itself when it has made another server master. All are asked again then,
/// and whenever one of them is connected to, for it may have told while nobody heard; if another is
/// master now, the connection to the old one ends. It must, though it works: a master that was deposed
/// by hand, or is cut off from the group, takes writes for a while and does not know that they are lost.

#include "core/mutex.hpp"
#include "redis/connection/client.hpp"
#include "redis/topology/sentinel_replies.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace strata::redis {

struct sentinel_options {
  std::vector<address> sentinels;                      ///< at least one
  std::string group;                                   ///< the master's name in their configuration
  credentials login;                                   ///< to the sentinels; not that to the servers
  tls_options tls;                                     ///< the same
  duration patience = std::chrono::milliseconds(300);  ///< until one that does not answer is done without
};

class sentinels {
 public:
  /// Begins to connect. Throws bad_options. Lifetime: `on` and `time` outlive it.
  sentinels(runtime& on, sentinel_options with, const clock& time = system_clock());
  /// As `stop`.
  ~sentinels();
  sentinels(const sentinels&) = delete;
  sentinels& operator=(const sentinels&) = delete;

  /// The master's address: `client_options::locate`.
  /// Errors: store_unavailable, with what each sentinel said.
  /// Cost: one round trip to all at once; `patience` if one of them is silent
  task<result<address>> master();

  /// From now on renews `over` when it is connected to another server than the master.
  /// Lifetime: `over` outlives what `stop` ends.
  void guide(client& over);
  /// Ends the connections. No call is under way when this returns, and later ones fail.
  void stop();

  /// Those that are asked.
  std::vector<address> known() const;

 private:
  class watcher;

  void may_have_moved();
  task<> follow(client& over);
  void know(const std::vector<address>& others);

  runtime& runtime_;
  const sentinel_options options_;
  const clock& time_;

  mutable detail::mutex mutex_;
  std::vector<std::unique_ptr<watcher>> watchers_ STRATA_GUARDED_BY(mutex_);
  client* guided_ STRATA_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::redis
