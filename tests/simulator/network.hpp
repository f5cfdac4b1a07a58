#pragma once
/// The store behind a simulated network: the world picks when each request is executed and when each reply
/// and push arrives, or drops it.
/// Threads: one.
///
/// A request owns its data, so that it can be executed after its caller has given up. Pushes reach a process
/// in the order in which they were sent; requests and replies overtake each other.

#include "tests/simulator/schedule.hpp"

#include <strata/store.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::simulator {

class network;
class connection;

/// The fate of one request.
enum class fate : std::uint8_t {
  done,        ///< executed and answered
  lost,        ///< never executed; its caller gives up
  unanswered,  ///< executed; its caller gives up
  late,        ///< its caller gives up, and it is executed after that
  refused,     ///< answered with an error
  corrupted,   ///< done, but one bit of each value is changed
};

/// The content of a request.
struct subject {
  std::uint64_t id = 0;
  unsigned process = 0;
  testing::store_call call{};
  std::vector<std::string> keys;
  std::vector<floor_entry> floors;
  bool soft = false;                ///< an invalidation that expires its keys
  std::vector<lease_token> leases;  ///< passed to fills and releases, one for each key
  time_point sent{};
  std::uint64_t note = 0;  ///< set by the listener: its state when this was sent
};

/// A request in flight to the store.
struct request {
  subject about;
  connection* from = nullptr;  ///< null: its connection is lost
  std::move_only_function<void(store&)> execute;
  std::move_only_function<void(bool executed, std::uint64_t random)> damage;
  std::move_only_function<void(std::optional<error>)> answer;  ///< null: its caller has given up
};

/// A reply in flight: an error, or the result of the request.
struct reply {
  subject about;
  std::optional<error> failure;
  std::move_only_function<void(std::optional<error>)> answer;
};

/// A push in flight to a process.
struct push {
  enum class kind : std::uint8_t { changed, replaced, floor, lost, source } what{};
  std::string key;
  floor_entry floor{};
  time_point source{};     ///< every commit to the source before this has been published
  std::uint64_t note = 0;  ///< set by the listener: the meaning of the push
};

/// Observes the network.
class network_listener {
 public:
  virtual ~network_listener() = default;
  /// Returns the request's note.
  virtual std::uint64_t sent(const subject& what) = 0;
  /// The process tried to send a request without a connection.
  virtual void unsent(unsigned process) = 0;
  /// Called before execution. Returns the note for the pushes that it causes.
  virtual std::uint64_t executing(const subject& what) = 0;
  /// Called after execution: its keys were granted `leases`, or filled.
  virtual void executed(const subject& what, std::span<const lease_token> leases,
                        std::span<const fill_result> filled) = 0;
  virtual void answered(const subject& what, const std::optional<error>& failure) = 0;
  virtual void told(unsigned process, const push& what) = 0;
  /// The process is notified that it may have missed changes.
  virtual void told_lost(unsigned process) = 0;
};

/// The connection of one process to the store.
class connection final : public store, private store_observer {
 public:
  connection(network& over, unsigned process);
  ~connection() override;

  bool up() const noexcept { return real_ != nullptr; }
  const std::deque<push>& pushes() const noexcept { return pushes_; }

  /// Delivers the first waiting push.
  void tell();
  /// The connection is lost: requests in flight fail, and pushes are lost.
  void lose(chance& random);
  /// It is back, and the process is notified that it may have missed changes.
  void restore();
  /// The process is dead: nothing is sent or delivered any more, and every call fails at once.
  void cut(chance& random);

  task<result<std::optional<stored_value>>> get(std::string_view key) override;
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::span<const std::string> keys) override;
  task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                         commit_time known) override;
  task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys, duration hold,
                                                          commit_time known) override;
  task<result<fill_result>> fill(fill_request value) override;
  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override;
  task<result<void>> release(std::string_view key, lease_token lease) override;
  task<result<bool>> renew(std::string_view key, lease_token lease, duration hold) override;
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override;
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override;
  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override;
  task<result<bool>> touch(std::string_view key, duration ttl) override;
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override;
  task<result<commit_time>> apply(store_invalidation what) override;
  task<result<void>> restore(std::span<const floor_entry> floors) override;
  task<result<std::vector<floor_entry>>> floors() override;
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override;
  task<result<bool>> remove(std::string_view key) override;
  task<result<commit_time>> clear(commit_time at_least) override;
  task<result<relay_watermark>> read_watermark() override;
  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override;
  void observe(store_observer& observer) override;
  void unobserve(store_observer&) override { told_ = nullptr; }
  std::string_view name_space() const noexcept override { return "strata"; }

 private:
  friend class network;
  void changed(std::string_view key) override;
  void replaced(std::string_view key) override;
  void floor_raised(floor_entry floor) override;
  void lost(bool may_have_forgotten) override;
  void trust_until(time_point when, time_point told) override;

  /// Sends `what`. Its work is `work(store)`, a ready task of the real store.
  /// `spoil(random)` damages the request's data.
  template <class Answer, class Work, class Spoil = void (*)(std::uint64_t)>
  task<result<Answer>> call(subject about, Work work, Spoil spoil = [](std::uint64_t) {});
  void open();
  void close();

  network& over_;
  unsigned process_;
  bool dead_ = false;
  bool emptied_ = false;  ///< another server has taken over since it was last open
  std::shared_ptr<store> real_;
  store_observer* told_ = nullptr;
  std::deque<push> pushes_;
};

/// The server, with the messages in flight.
class network {
 public:
  /// `trust`: how long values are trusted after the relay's last publication; empty: there is no relay.
  network(const clock& time, byte_size budget, network_listener& listener, std::optional<duration> trust)
      : time_(time),
        budget_(budget),
        listener_(listener),
        trust_(trust),
        server_(make_memory_server(time, budget)) {}

  const std::vector<request>& requests() const noexcept { return requests_; }
  const std::vector<reply>& replies() const noexcept { return replies_; }

  /// Applies the fate of the request.
  void meet(std::size_t which, fate meets, std::uint64_t random);
  /// The reply arrives.
  void arrive(std::size_t which);
  /// Publishes to the store, and so to every process, that all commits before `until` have been applied.
  void relay(const std::vector<std::string>& changed, time_point until);
  /// A process takes the lease of `key` and dies. Returns whether the lease was free.
  bool leave_lease(std::string_view key, duration hold);
  /// An empty server takes over; all connections are lost.
  void start_empty(chance& random);

 private:
  friend class connection;
  void execute(request& what);
  void fail(request& what, error why);

  const clock& time_;
  byte_size budget_;
  network_listener& listener_;
  std::optional<duration> trust_;
  std::shared_ptr<memory_server> server_;
  std::vector<connection*> connections_;
  std::vector<request> requests_;
  std::vector<reply> replies_;
  std::uint64_t last_request_ = 0;
  std::uint64_t cause_ = 0;  ///< the note of pushes made now
  std::size_t leases_given_ = 0;
};

}  // namespace strata::simulator
