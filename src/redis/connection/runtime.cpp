#include "redis/connection/runtime.hpp"

#include "redis/connection/loop.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

namespace strata::redis {

namespace {

thread_local const loop* current_loop = nullptr;

}  // namespace

// Sockets are used on the loop's thread only, so the reactor need not lock them; `post` comes from
// any thread, so the scheduler does.
loop::loop() : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), work_(io_.get_executor()) {
}

void loop::start() {
  thread_ = std::thread([this] {
    current_loop = this;
    io_.run();
    // Our clients are gone, except for their cancelled handlers, which hold them and so us.
    io_.restart();
    io_.poll();
  });
}

void loop::stop() {
  work_.reset();
  io_.stop();
  thread_.join();
}

void loop::post(std::move_only_function<void()> work) {
  asio::post(io_, std::move(work));
}

bool loop::is_current() const noexcept {
  return current_loop == this;
}

struct runtime::state {
  std::vector<std::shared_ptr<loop>> loops;
  std::atomic<std::size_t> turn = 0;
};

runtime::runtime(unsigned threads) : state_(std::make_unique<state>()) {
  for (unsigned i = 0; i < threads; ++i) state_->loops.push_back(std::make_shared<loop>());
  for (auto& each : state_->loops) each->start();
}

runtime::~runtime() {
  const auto end = [](state& ending) {
    for (auto& each : ending.loops) each->stop();
  };
  if (std::ranges::none_of(state_->loops, &loop::is_current)) {
    end(*state_);
    return;
  }
  // The last reference was held by a task on this thread, and a thread cannot join itself.
  std::thread([mine = std::move(state_), end] { end(*mine); }).detach();
}

const std::shared_ptr<loop>& runtime::next() {
  return state_->loops[state_->turn++ % state_->loops.size()];
}

}  // namespace strata::redis
