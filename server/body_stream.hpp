#pragma once
/// A body that is sent piece by piece, for as long as its client listens: `response::stream`.
/// Threads: internally locked; what comes to take pieces is the connection's loop alone.
///
///   auto pieces = std::make_shared<body_stream>();
///   response answer;
///   answer.content_type = "text/event-stream";
///   answer.stream = pieces;                        // and keep a weak_ptr: it goes with the connection
///   …
///   if (const auto still = listener.lock()) still->send("data: 1\n\n");
///
/// The client learns that it is over by the connection's end, so the last piece must show by itself that
/// it is whole.

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace strata::server {

class body_stream {
 public:
  /// `idle` is sent when nothing else was for a while, so that it is noticed when the client is gone.
  /// `most`: how many bytes may wait for a client that is slow; more, and it is over.
  explicit body_stream(std::string idle = {}, std::size_t most = std::size_t{256} << 10)
      : idle_(std::move(idle)), most_(most) {}
  body_stream(const body_stream&) = delete;
  body_stream& operator=(const body_stream&) = delete;

  /// Sends `piece` behind those before. Returns false if it is over.
  bool send(std::string_view piece);
  /// Ends the body behind what was sent. Idempotent.
  void end();

  // For the connection.

  struct pieces {
    std::string text;
    bool over = false;  ///< there will be no more
  };
  /// All that waits. If that is nothing, `when_more` is called once there is something, or it is over.
  pieces take(std::move_only_function<void()> when_more);
  /// Nobody listens any more. Returns whether `when_more` was kept, and now is never called.
  bool forget();
  const std::string& idle() const noexcept { return idle_; }

 private:
  const std::string idle_;
  const std::size_t most_;
  std::mutex mutex_;
  std::string waiting_;
  bool over_ = false;
  std::move_only_function<void()> when_more_;
};

}  // namespace strata::server
