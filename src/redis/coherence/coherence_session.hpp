#pragma once
/// What a store knows of its servers, and hears from them: whether they may be used, their epoch and their
/// time, what others changed, and how long that can be trusted.
/// Threads: internally locked. Pushes (`push_reader`) and replies come in on the client's own thread, in the
/// order in which the server sent them; what follows rests on that order.
///
/// **Coherence.** A heartbeat is answered in a turn after the one in which the heartbeat before it was
/// answered, and so after every push of that turn. Hence an answer proves that all is told that
/// happened before the heartbeat *before* it was sent: from then we may trust for as long as the lease.
/// In a cluster a heartbeat is one question to each master, and answered when all have answered.
///
/// With a relay (`relayed`) that is not enough, since others write to the source than those who use the
/// store: then trust also ends `bound` after what relay_trust.hpp says.
///
/// **Epochs.** A heartbeat brings the run id of the server we are connected to, or the view of all masters
/// of a cluster, which stands for it. If the data says
/// another one (a restart from a dump, a replica that took over, a flush), it may have lost what it
/// confirmed; then a new epoch begins, which voids every value and lease. So what a server forgot can
/// cost speed only.

#include "async/ticker.hpp"
#include "core/mutex.hpp"
#include "redis/coherence/push_reader.hpp"
#include "redis/coherence/relay_trust.hpp"
#include "redis/format/scripts.hpp"
#include "redis/format/store_format.hpp"
#include "redis/topology/topology.hpp"

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
  /// Told only of values that were read over this connection since they were last told.
  bool only_read = false;
  const clock* time = &system_clock();
  timers* timer = &system_timers();
  /// Told what an operator should know, one line each; called from any thread.
  std::function<void(std::string_view)> log = [](std::string_view) {};
  /// Told on the client's thread when the store can be used again, and after each heartbeat.
  std::function<void()> ready = [] {};
};

class coherence_session final : public topology_observer, private hearer {
 public:
  explicit coherence_session(coherence_options with);
  ~coherence_session() override;
  coherence_session(const coherence_session&) = delete;
  coherence_session& operator=(const coherence_session&) = delete;

  /// What the servers' connections subscribe to.
  push_subscription subscription() const;
  /// Begins to beat. Requires: called once; `over` outlives what `stop` ends.
  void start_on(topology& over);
  /// Ends the heartbeats; to be called before the servers stop.
  void stop();

  const store_names& names() const noexcept { return names_; }
  bool only_read() const noexcept { return options_.only_read; }
  std::string_view origin() const noexcept { return push_reader_.origin(); }

  /// Nothing is wrong, or why the store cannot be used now.
  result<void> usable() const;
  std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  /// The server's time now, or a little later than that.
  server_time server_now() const noexcept;
  commit_time known() const noexcept { return known_.load(std::memory_order_acquire); }
  commit_time learn(commit_time heard) noexcept;
  time_point trusted_until() const;
  /// As `store_health::hearing_lag`.
  std::optional<duration> hearing_lag() const;
  std::uint64_t losses() const noexcept { return losses_.load(std::memory_order_relaxed); }

  /// A fill of ours was stored. Called in the order of the replies.
  void filled(std::string_view key) { push_reader_.filled(key); }
  /// The store was cleared by us, which began `epoch`.
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
  struct beat_answer {
    std::uint32_t epoch = 0;
    commit_time now = 0;
    commit_time before = 0;
    server_time at = 0;
    bool adopted = false;
    std::uint64_t mark = 0;         ///< of those who relay
    std::uint64_t mark_before = 0;  ///< the one that its writer had seen
  };

  template <class Tell>
  void tell(Tell what);
  void tell_lost(bool may_have_forgotten);

  void tick();
  task<> open_session(std::uint64_t generation);
  void try_again(std::uint64_t generation);
  task<> beat_once(std::uint64_t generation);
  task<result<beat_answer>> beat(bool opening);
  void take(const beat_answer& answer, time_point sent);
  /// No answer that came so far proves anything.
  void begin_anew() STRATA_REQUIRES(mutex_);
  bool is_current(std::uint64_t generation) const;

  void heard_change(std::string_view key) override;
  void heard_floor(floor_entry floor) override;
  void heard_clear(std::uint32_t epoch) override;
  void heard_epoch(std::uint32_t epoch) override;
  void heard_loss(bool flushed) override { tell_lost(flushed); }

  const coherence_options options_;
  const store_names names_;
  push_reader push_reader_;
  std::atomic<topology*> topology_ = nullptr;
  detail::ticker ticker_;

  std::atomic<std::uint32_t> epoch_ = 0;
  std::atomic<commit_time> known_ = 0;
  std::atomic<commit_time> counted_ = 0;  ///< the server's counter as it last said
  std::atomic<std::int64_t> server_ahead_ =
      0;  ///< the server's ms since 1970 less ours since the clock began
  std::atomic<bool> ready_ = false;
  std::atomic<std::uint64_t> losses_ = 0;

  mutable detail::mutex mutex_;
  std::uint64_t generation_ STRATA_GUARDED_BY(mutex_) = 0;  ///< of the connection; 0: none
  std::string run_id_ STRATA_GUARDED_BY(mutex_);
  bool run_id_made_up_ STRATA_GUARDED_BY(mutex_) = false;  ///< INFO is not allowed to us
  std::string trouble_ STRATA_GUARDED_BY(mutex_) = "not connected yet";
  time_point last_sent_ STRATA_GUARDED_BY(mutex_){};  ///< of the heartbeat answered last; zero: none yet
  time_point proven_ STRATA_GUARDED_BY(mutex_){};     ///< all that was before is known to have been told
  time_point trusted_ STRATA_GUARDED_BY(mutex_){};
  relay_trust relay_ STRATA_GUARDED_BY(mutex_);
  bool beating_ STRATA_GUARDED_BY(mutex_) = false;     ///< a heartbeat waits for its answer
  time_point not_before_ STRATA_GUARDED_BY(mutex_){};  ///< of the next attempt to open the session
  bool forgot_ STRATA_GUARDED_BY(mutex_) = false;  ///< the server was flushed; to be told with its new epoch

  detail::mutex telling_;  ///< held while observers are told
  std::vector<store_observer*> observers_ STRATA_GUARDED_BY(telling_);
};

}  // namespace strata::redis
