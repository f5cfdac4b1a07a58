#pragma once
/// One thread of a runtime, with its event loop.
/// Threads: `post` and `is_current` any; `io` for objects that are used on the loop's thread only.

#include <strata/task.hpp>

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace strata::redis {

namespace asio = boost::asio;

class loop final : public executor {
 public:
  using io_executor = asio::io_context::executor_type;  // the concrete type: no type-erased executor

  loop();
  ~loop() override = default;

  void start();
  /// Ends the thread and waits for it.
  void stop();

  void post(std::move_only_function<void()> work) override;
  bool is_current() const noexcept;
  asio::io_context& io() noexcept { return io_; }

 private:
  asio::io_context io_;
  asio::executor_work_guard<io_executor> work_;
  std::thread thread_;
};

}  // namespace strata::redis
