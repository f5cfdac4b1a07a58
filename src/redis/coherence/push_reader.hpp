#pragma once
/// Reads what servers push: which values changed, and what is published on the store's channel. Does no I/O:
/// a push goes in, events come out.
/// Threads: internally locked. Pushes and replies are passed in the order in which the server sent them.
///
/// **Two sources.** CLIENT TRACKING (BCAST) reports every change of a value, also by redis-cli and
/// eviction: once a turn of the server's event loop, after the replies of that turn. It reports our own
/// changes as well (NOLOOP does not hold for scripts). The store's channel reports at once what no value
/// shows: an absent key that was invalidated, a lease that ended, floors, a clear. It also reports each
/// change of a value that existed before.
///
/// **Without BCAST** (`coherence_options::only_read`) the server remembers which keys were read over this
/// connection, also by scripts. It reports the next change of each, and then forgets the key. A value enters
/// memory only after a read here and leaves it when its key is reported, so the server remembers every key
/// in memory. A fill changes a key that its script has read: it is reported to us right after its reply, and
/// the script reads the key again. A waiter has read its key, and reads it again after each report. The
/// channel reports to everybody, as with BCAST.
///
/// **Echoes.** Our own fills must not be reported to us, or the value just put in memory would be dropped.
/// The reply to a fill comes before the push of its turn, so the next push with a key that we filled is the
/// echo. If another client changed the key in the same event-loop turn, we still learn of it: overwriting
/// an existing value always publishes on the channel. The client delivers the pushes of one read before its
/// replies; so a push is read only after the replies that came with it (deferred_work.hpp).
///
/// **Removals.** A push about a key does not say whether it was removed. The channel does, and its message
/// comes before that push: so a push that follows a message about a replaced value reports no removal. Any
/// other may be one.

#include "core/mutex.hpp"
#include "redis/format/store_format.hpp"
#include "resp/value.hpp"

#include <strata/store.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace strata::redis {

/// What a push reports.
namespace push_event {

/// The value or the lease of `key` changed. The view points into the push.
struct key_changed {
  std::string_view key;
  bool replaced = false;  ///< surely not removed
};
struct floor_raised {
  floor_entry floor;
};
/// Another process cleared the store, which began `epoch`.
struct cleared {
  std::uint32_t epoch = 0;
};
/// Another process found that a server may have lost data, and began `epoch`.
struct epoch_begun {
  std::uint32_t epoch = 0;
};
/// A server was flushed.
struct flushed {};
/// A message that cannot be read, of a newer version perhaps: any key may have changed.
struct unreadable {};

}  // namespace push_event

using any_push_event = std::variant<push_event::key_changed, push_event::floor_raised, push_event::cleared,
                                    push_event::epoch_begun, push_event::flushed, push_event::unreadable>;

class push_reader {
 public:
  /// `origin`: what our own messages on the channel begin with; they report nothing.
  explicit push_reader(std::string origin) : origin_(std::move(origin)) {}

  std::string_view origin() const noexcept { return origin_; }

  /// Whether `push` says that the server was flushed.
  static bool is_flush(const resp::value& push);

  /// The events that `push` reports, in their order; none for a push of another kind.
  /// Lifetime: `push` outlives the events.
  std::vector<any_push_event> read(const resp::value& push);

  /// A fill of ours was stored; its echo is still to come.
  void filled(std::string_view key);
  /// A heartbeat was answered. An echo arrives by the next one; one that never arrives must not hide a
  /// change by another client.
  void heartbeat_answered();
  /// There is another connection, which brings no echo.
  void restart();

 private:
  std::vector<any_push_event> read_invalidation(const resp::value& keys);
  std::vector<any_push_event> read_message(std::string_view text);

  const std::string origin_;

  detail::mutex mutex_;
  std::uint64_t heartbeats_ STRATA_GUARDED_BY(mutex_) = 0;  ///< answered
  /// Keys filled by us whose echo is still to come, and how many heartbeats were answered then.
  std::map<std::string, std::uint64_t, std::less<>> echoes_ STRATA_GUARDED_BY(mutex_);
  /// The same for keys that the channel has reported as replaced.
  std::map<std::string, std::uint64_t, std::less<>> replaced_ STRATA_GUARDED_BY(mutex_);
};

/// Sixteen hex digits that no other process has.
std::string random_origin();

}  // namespace strata::redis
