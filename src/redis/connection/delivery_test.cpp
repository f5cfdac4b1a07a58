/// Handing requests from thread to thread: the inbox, and the way back.

#include "redis/connection/delivery.hpp"
#include "redis/connection/inbox.hpp"
#include "redis/connection/multiplexer.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

request* numbered(int number, time_point deadline = time_point::max()) {
  return new request(resp::command("X").arg(number), deadline, false);
}
int number_of(const request& one) {
  const auto& bytes = one.what.bytes();
  return std::stoi(bytes.substr(bytes.rfind('\n', bytes.size() - 2) + 1));
}

TEST(Inbox, KeepsTheOrderAndSaysWhenToWake) {
  inbox box;
  EXPECT_EQ(box.push(numbered(1)), inbox::pushed::first);
  EXPECT_EQ(box.push(numbered(2)), inbox::pushed::behind);
  request_list taken;
  box.take(taken);
  EXPECT_EQ(box.push(numbered(3)), inbox::pushed::first);
  box.take(taken);
  for (const int expected : {1, 2, 3}) {
    request* const one = taken.pop();
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(number_of(*one), expected);
    one->drop();
  }
  EXPECT_TRUE(taken.empty());
}

TEST(Inbox, TakesNothingOnceItIsClosed) {
  inbox box;
  box.push(numbered(1));
  request_list taken;
  box.close(taken);
  request* const late = numbered(2);
  EXPECT_EQ(box.push(late), inbox::pushed::closed);
  late->drop();
  box.take(taken);
  request* const one = taken.pop();
  EXPECT_EQ(number_of(*one), 1);
  one->drop();
  EXPECT_TRUE(taken.empty());
}

TEST(Inbox, LosesNothingWhenThreadsPushAndOneTakes) {
  constexpr int each = 20'000;
  constexpr int threads = 3;
  inbox box;
  std::atomic<int> ended = 0;
  std::atomic<int> wakes = 0;
  std::vector<std::thread> pushing;
  for (int t = 0; t < threads; ++t) {
    pushing.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        if (box.push(numbered(t * each + i)) == inbox::pushed::first) ++wakes;
      }
      ++ended;
    });
  }
  std::vector<int> last(threads, -1);
  int got = 0;
  int batches = 0;
  for (bool over = false; !over;) {
    over = ended == threads;
    request_list taken;
    box.take(taken);
    if (!taken.empty()) ++batches;
    while (request* one = taken.pop()) {
      const int number = number_of(*one);
      ASSERT_GT(number % each, last[static_cast<std::size_t>(number / each)])
          << "one thread's requests keep their order";
      last[static_cast<std::size_t>(number / each)] = number % each;
      ++got;
      one->drop();
    }
  }
  for (auto& thread : pushing) thread.join();
  EXPECT_EQ(got, threads * each);
  EXPECT_EQ(batches, wakes) << "each batch was announced once";
}

/// A coroutine that waits for a request as a client's task does.
struct waiter {
  struct promise_type {
    waiter get_return_object() { return waiter{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};
waiter wakes(std::vector<int>& log, int number) {
  log.push_back(number);
  co_return;
}

request* waiting(executor* resume_on, std::vector<int>& log, int number,
                 time_point deadline = time_point::max()) {
  request* const made = numbered(number, deadline);
  made->resume_on = resume_on;
  made->waiter = wakes(log, number).handle;
  return made;
}

/// Counts what is posted to it.
class counting final : public executor {
 public:
  void post(std::move_only_function<void()> work) override {
    ++posts;
    loop.post(std::move(work));
  }
  run_loop loop;
  int posts = 0;
};

TEST(Delivery, WakesAllOfAnExecutorWithOnePost) {
  counting one;
  counting two;
  counting own;
  std::vector<int> log;
  delivery out;
  for (int i = 0; i < 10; ++i) out.add(waiting(i % 2 == 0 ? &one : &two, log, i));
  out.add(waiting(&own, log, 10));
  out.add(waiting(nullptr, log, 11));
  out.flush(&own);
  EXPECT_EQ(log, (std::vector<int>{10, 11})) << "its own at once";
  EXPECT_EQ(one.posts, 1);
  EXPECT_EQ(two.posts, 1);
  EXPECT_EQ(own.posts, 0);
  log.clear();
  one.loop.run_ready();
  two.loop.run_ready();
  EXPECT_EQ(log, (std::vector<int>{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}));
}

TEST(Delivery, WhoeverIsGoneIsNotWoken) {
  counting one;
  std::vector<int> log;
  delivery out;
  request* const before = waiting(&one, log, 1);
  request* const after = waiting(&one, log, 2);
  const auto handles = {before->waiter, after->waiter};
  before->standing = request::stand::abandoned;
  after->hold();
  out.add(before);
  out.add(after);
  out.flush(nullptr);
  EXPECT_EQ(after->standing.exchange(request::stand::abandoned), request::stand::ready);
  out.fence();
  one.loop.run_ready();
  EXPECT_TRUE(log.empty());
  after->drop();
  for (const auto each : handles) each.destroy();
}

TEST(Delivery, LeavesThoseThatTheServerStillOwesRepliesInTheirOrder) {
  const time_point now{std::chrono::seconds(100)};
  multiplexer requests(now);
  delivery out;
  std::string sent;
  std::vector<int> log;
  for (const int number : {1, 2, 3}) requests.add(waiting(nullptr, log, number, now + number * 1s));
  requests.take(sent, 1 << 20, now);
  const auto deliver = [&] {
    while (request* one = requests.next_completed()) out.add(one);
    out.flush(nullptr);
    return std::exchange(log, {});
  };
  requests.expire(now + 1500ms);
  EXPECT_EQ(deliver(), std::vector{1});
  EXPECT_TRUE(requests.answer(resp::value::number(1)));  // late
  EXPECT_TRUE(requests.answer(resp::value::number(2)));
  EXPECT_EQ(deliver(), std::vector{2});
  EXPECT_TRUE(requests.answer(resp::value::number(3)));
  EXPECT_EQ(deliver(), std::vector{3});
  EXPECT_EQ(requests.take_gone().requests, 3u);
}

}  // namespace
}  // namespace strata::redis
