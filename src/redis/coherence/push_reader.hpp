#pragma once
/// What a server says by itself over one connection: that values changed, and what the store's channel
/// tells.
/// Threads: internally locked. Pushes come in, and are told, on the client's own thread, in the order in
/// which the server sent them.
///
/// **Two ways to hear of a change.** CLIENT TRACKING (BCAST) tells of every change of a value, whoever
/// made it, redis-cli and eviction too: once for each turn of the server's event loop, after the
/// replies of that turn, our own changes among them (NOLOOP does not hold for what scripts do). The
/// store's channel tells, at once, of what no value shows: an absent key that was invalidated, a lease
/// that ended, floors, a clear. It also tells of each change to a value that was there before.
///
/// **Without BCAST** (`coherence_options::only_read`) the server remembers which keys were read over this
/// connection, in scripts too, and tells of each once, when it is changed: then it forgets. A value comes
/// into memory only after it was read here, and out of it when its key is told, so what is in memory is
/// always remembered. A fill is a change as well, of a key that its script has read: it is told to ourselves
/// right after its reply, and the script reads once more. A waiter has asked for its key, and asks again
/// each time it is told. All that the channel tells is told to everybody as before.
///
/// **Our own fills** are not told back, or what they put in memory would be thrown out again. A fill's
/// reply comes before its turn's push, so the next push with a key that we filled is the echo. Was the
/// key changed by another in the same turn, then the channel tells: a value that was there had been
/// changed, and that is always published. The client hands over the pushes of a read before its
/// replies; so pushes are put off until the replies that came with them are taken (`later`).

#include "core/mutex.hpp"
#include "redis/format/store_format.hpp"
#include "resp/value.hpp"

#include <strata/store.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// What is heard; called on the client's thread.
class hearer {
 public:
  virtual ~hearer() = default;
  virtual void heard_change(std::string_view key) = 0;
  virtual void heard_floor(floor_entry floor) = 0;
  /// Everything was cleared.
  virtual void heard_clear(std::uint32_t epoch) = 0;
  /// A server may have forgotten.
  virtual void heard_epoch(std::uint32_t epoch) = 0;
  /// Something was missed; if `flushed`, since the server has lost everything.
  virtual void heard_loss(bool flushed) = 0;
};

class push_reader {
 public:
  /// `origin`: what our own messages on the channel begin with. Lifetime: `by` outlives `stop`.
  push_reader(hearer& by, std::string origin);
  ~push_reader() { stop(); }
  push_reader(const push_reader&) = delete;
  push_reader& operator=(const push_reader&) = delete;

  /// Ends what was put off, but for what runs on the client's thread now.
  void stop();

  std::string_view origin() const noexcept { return origin_; }

  /// A push came in on `client_thread`.
  void pushed(executor& client_thread, resp::value message);
  /// Whether it says that the server was flushed.
  static bool is_flush(const resp::value& message);

  /// Does `work` on the client's thread after the replies that have come in by now are taken.
  void later(executor& client_thread, std::move_only_function<void()> work);

  /// A fill of ours was stored. Called in the order of the replies.
  void filled(std::string_view key);
  /// A heartbeat was answered: an echo is there by the next one, and one that never comes must not hide
  /// a change of another's.
  void beaten();
  /// There is another connection.
  void restart();

 private:
  struct alive;

  void do_later();
  void on_invalidated(const resp::value& keys);
  void on_message(std::string_view text);
  void hear(const news& what);

  hearer& told_;
  const std::string origin_;
  const std::shared_ptr<alive> alive_;

  detail::mutex mutex_;
  std::uint64_t beats_ STRATA_GUARDED_BY(mutex_) = 0;  ///< answered
  /// Keys filled by us whose push is still to come, and at which heartbeat.
  std::map<std::string, std::uint64_t, std::less<>> echoes_ STRATA_GUARDED_BY(mutex_);
  std::vector<std::move_only_function<void()>> later_ STRATA_GUARDED_BY(mutex_);
};

/// Sixteen hex digits that no other process has.
std::string random_origin();

}  // namespace strata::redis
