#pragma once
/// What a store knows of its servers: whether it may use them, their epoch and their time, what other
/// processes changed, and how long a copy in memory may be trusted.
/// Threads: internally locked. Pushes (push_reader.hpp) and replies arrive on the client's own thread, in the
/// order in which the server sent them; all that follows rests on that order.
///
/// **Coherence.** The reply to a heartbeat leaves the server in a later turn than the reply to the heartbeat
/// before it, and so after every push of that turn. Hence a reply proves that we were notified of every
/// change made before the heartbeat *before* it was sent. From that moment on we trust for `trust_for`. In a
/// cluster a heartbeat is one question to each master, and is answered when all masters have answered.
///
/// With a relay (`relayed`) that is not enough, since writers to the source do not use the store. Then trust
/// also ends `bound` after the source watermark of relay_trust.hpp.
///
/// **Epochs.** A heartbeat carries the run id of the server we are connected to, or the view of all masters
/// of a cluster in its place. If the data names another one (a restart from a dump, a replica that took
/// over, a flush), the server may have lost writes that it had confirmed. Then a new epoch begins, which
/// voids every value and lease. So what a server lost can cost speed only.

#include "async/ticker.hpp"
#include "core/mutex.hpp"
#include "redis/coherence/deferred_work.hpp"
#include "redis/coherence/heartbeat_pace.hpp"
#include "redis/coherence/push_reader.hpp"
#include "redis/coherence/relay_trust.hpp"
#include "redis/format/scripts.hpp"
#include "redis/format/store_format.hpp"
#include "redis/topology/topology.hpp"

#include <strata/log.hpp>
#include <strata/store.hpp>
#include <strata/timer.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

struct coherence_options {
  std::string name_space = "strata";
  duration trust_for = std::chrono::milliseconds(250);
  duration heartbeat = std::chrono::milliseconds(25);
  bool relayed = false;
  duration bound = std::chrono::milliseconds(350);
  /// The server reports a key once after each read of it over this connection, and not every change.
  bool only_read = false;
  const clock* time = &system_clock();
  timers* timer = &system_timers();
  /// Receives lines for an operator, from any thread.
  log_function log = [](log_level, std::string_view) {};
  /// Called on the client's thread when the store becomes usable, and after each heartbeat.
  std::function<void()> ready = [] {};
};

class coherence_session final : public topology_observer {
 public:
  explicit coherence_session(coherence_options with);
  ~coherence_session() override;
  coherence_session(const coherence_session&) = delete;
  coherence_session& operator=(const coherence_session&) = delete;

  /// What the servers' connections subscribe to.
  push_subscription subscription() const;
  /// Starts the heartbeats. Requires: called once; `servers` outlives the call of `stop`.
  void start_on(topology& servers);
  /// Ends the heartbeats. Requires: called before the servers stop.
  void stop();

  std::string_view name_space() const noexcept { return options_.name_space; }
  const store_names& names() const noexcept { return names_; }
  bool only_read() const noexcept { return options_.only_read; }
  std::string_view origin() const noexcept { return push_reader_.origin(); }

  /// Success, or why the store cannot be used now.
  result<void> usable() const;
  std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  /// The server's time now, or a little later.
  server_time server_now() const noexcept;
  commit_time known() const noexcept { return known_.load(std::memory_order_acquire); }
  /// Raises `known` to `seen`. Returns `seen`.
  commit_time learn(commit_time seen) noexcept;
  time_point trusted_until() const;
  /// As `store_health::event_lag`.
  std::optional<duration> event_lag() const;
  std::uint64_t losses() const noexcept { return losses_.load(std::memory_order_relaxed); }

  /// A fill of ours was stored. Requires: called in the order of the replies.
  void filled(std::string_view key) { push_reader_.filled(key); }
  /// We cleared the store, which began `epoch`.
  void cleared(std::uint32_t epoch);

  /// Every floor ever raised.
  task<result<std::vector<floor_entry>>> read_floors();

  void observe(store_observer& observer);
  void unobserve(store_observer& observer);

  void session_began(std::uint64_t generation, const std::string& run_id) override;
  void session_lost(std::uint64_t generation, const error& why) override;
  void pushed(resp::value message) override;
  void refused(std::string why) override;

 private:
  struct heartbeat_reply {
    std::uint32_t epoch = 0;
    commit_time counter = 0;
    commit_time counter_before = 0;
    server_time at = 0;
    bool adopted = false;
    std::uint64_t watermark = 0;  ///< of the relay
    std::uint64_t previous_watermark = 0;
  };

  template <class Notify>
  void notify(Notify one);
  void notify_lost(bool may_have_forgotten);

  /// Returns the time until the next heartbeat.
  duration tick();
  duration next_period();
  /// The server has sent something new: a slow pace ends.
  void note_change();
  task<> open_session(std::uint64_t generation);
  void reopen_later(std::uint64_t generation);
  task<> heartbeat(std::uint64_t generation);
  task<bool> found_unsafe(std::uint64_t generation);
  task<result<heartbeat_reply>> send_heartbeat(bool opening);
  void apply(const heartbeat_reply& reply, time_point sent);
  void apply(const any_push_event& event);
  /// No reply that has arrived so far proves anything.
  void discard_proofs() STRATA_REQUIRES(mutex_);
  bool is_current(std::uint64_t generation) const;

  const coherence_options options_;
  const store_names names_;
  push_reader push_reader_;
  deferred_work deferred_;
  std::atomic<topology*> topology_ = nullptr;
  detail::ticker ticker_;

  std::atomic<std::uint32_t> epoch_ = 0;
  std::atomic<std::uint32_t> least_epoch_ = 0;  ///< what older epochs stored is void
  std::atomic<commit_time> known_ = 0;
  std::atomic<commit_time> counter_ = 0;        ///< the server's, as of the last heartbeat
  std::atomic<std::int64_t> server_ahead_ = 0;  ///< the server's ms since 1970 minus those of our clock
  std::atomic<bool> ready_ = false;
  std::atomic<std::uint64_t> losses_ = 0;

  mutable detail::mutex mutex_;
  std::uint64_t generation_ STRATA_GUARDED_BY(mutex_) = 0;  ///< of the connection; 0: none
  std::string run_id_ STRATA_GUARDED_BY(mutex_);
  bool run_id_is_invented_ STRATA_GUARDED_BY(mutex_) = false;  ///< we may not call INFO
  std::string trouble_ STRATA_GUARDED_BY(mutex_) = "not connected yet";
  time_point last_sent_ STRATA_GUARDED_BY(mutex_){};       ///< of the last heartbeat answered; zero: none
  time_point notified_until_ STRATA_GUARDED_BY(mutex_){};  ///< every change before it has arrived
  time_point trusted_until_ STRATA_GUARDED_BY(mutex_){};
  relay_trust relay_ STRATA_GUARDED_BY(mutex_);
  heartbeat_pace pace_ STRATA_GUARDED_BY(mutex_);
  bool in_heartbeat_ STRATA_GUARDED_BY(mutex_) = false;  ///< a heartbeat waits for its reply
  time_point reopen_at_ STRATA_GUARDED_BY(mutex_){};
  time_point check_at_ STRATA_GUARDED_BY(mutex_){};   ///< when to ask for the configuration again
  bool data_lost_ STRATA_GUARDED_BY(mutex_) = false;  ///< observers are notified with the new epoch

  detail::mutex observers_mutex_;  ///< held while observers are notified
  std::vector<store_observer*> observers_ STRATA_GUARDED_BY(observers_mutex_);
};

}  // namespace strata::redis
