#pragma once
/// The sentinels that watch a group of Redis servers and know its master.
/// Threads: internally locked; every member from any thread.
///
/// There is a connection to each sentinel that was given, and to each that those name; so one reachable
/// address is enough. All are asked at once, and the newest answer counts (sentinel_replies.hpp). The
/// connection to the master then verifies that it is one.
///
/// A sentinel also publishes when it has promoted another server. Then all are asked again, and also whenever
/// one is connected, since it may have published before. If the master has changed, the connection to the old
/// one is dropped, although it works: a master that was deposed by hand, or is cut off from the group,
/// accepts writes for a while without knowing that they are lost.

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
  credentials login;                                   ///< at the sentinels, not at the servers
  tls_options tls;                                     ///< the same
  duration patience = std::chrono::milliseconds(300);  ///< how long a sentinel may take to answer
};

class sentinels {
 public:
  /// Starts to connect. Throws bad_options. Lifetime: `on` and `time` outlive it.
  sentinels(runtime& on, sentinel_options with, const clock& time = system_clock());
  /// As `stop`.
  ~sentinels();
  sentinels(const sentinels&) = delete;
  sentinels& operator=(const sentinels&) = delete;

  /// The master's address: `client_options::locate`.
  /// Errors: store_unavailable, with each sentinel's answer.
  /// Cost: one round trip to all at once; `patience` if one is silent
  task<result<address>> master();

  /// From now on renews `over` when it is connected to a server that is not the master.
  /// Lifetime: `over` outlives the call of `stop`.
  void guide(client& over);
  /// Closes the connections. When it returns no call is running, and later calls fail.
  void stop();

  /// The sentinels that are asked.
  std::vector<address> known() const;

 private:
  class watcher;

  void may_have_moved();
  task<> follow(client& over);
  void watch(const std::vector<address>& others);

  runtime& runtime_;
  const sentinel_options options_;
  const clock& time_;

  mutable detail::mutex mutex_;
  std::vector<std::unique_ptr<watcher>> watchers_ STRATA_GUARDED_BY(mutex_);
  client* guided_ STRATA_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::redis
