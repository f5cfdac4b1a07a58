#pragma once
/// A body that is sent piece by piece for as long as its client listens: `response::stream`.
/// Threads: internally locked; only the connection's loop takes pieces.
///
///   auto stream = std::make_shared<body_stream>();
///   response answer;
///   answer.content_type = "text/event-stream";
///   answer.stream = stream;            // and keep a weak_ptr: the connection owns the stream
///   …
///   if (const auto listener = weak.lock()) listener->send("data: 1\n\n");
///
/// The body ends with the connection, so its last piece must show by itself that it is complete.

#include "core/mutex.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace strata::server {

class body_stream {
 public:
  /// `idle` is sent after a while without a piece, so that a client that has gone is noticed.
  /// `limit`: bytes that may wait for a slow client; above it the stream ends.
  explicit body_stream(std::string idle = {}, std::size_t limit = std::size_t{256} << 10)
      : idle_(std::move(idle)), limit_(limit) {}
  body_stream(const body_stream&) = delete;
  body_stream& operator=(const body_stream&) = delete;

  /// Queues `piece`. Returns false if the stream has ended.
  bool send(std::string_view piece);
  /// Ends the body after the pieces already queued. Idempotent.
  void end();

  // For the connection.

  struct pieces {
    std::string text;
    bool ended = false;  ///< no more follow
  };
  /// Takes all queued pieces. If there are none, calls `on_more` once when a piece comes or the stream ends.
  pieces take(std::move_only_function<void()> on_more);
  /// Ends the stream because the client is gone. Returns whether an `on_more` was dropped without a call.
  bool abandon();
  const std::string& idle() const noexcept { return idle_; }

 private:
  const std::string idle_;
  const std::size_t limit_;
  detail::mutex mutex_;
  std::string queued_ STRATA_GUARDED_BY(mutex_);
  bool ended_ STRATA_GUARDED_BY(mutex_) = false;
  std::move_only_function<void()> on_more_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::server
