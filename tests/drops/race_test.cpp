/// Drops callers on their own threads while other threads complete their waits. Most of its worth is under
/// ThreadSanitizer. Nothing here depends on who is faster.

#include "tests/contract/abandonable.hpp"

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>
#include <strata/store.hpp>
#include <strata/testing.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace strata::drops {
namespace {

using namespace std::chrono_literals;
using test::abandonable;

/// A thread that completes the waits of others until it ends: it answers for the store and for the source.
class completing_thread {
 public:
  explicit completing_thread(testing::faulty_store& store)
      : thread_([this, &store] {
          while (!done_.load()) {
            if (loop_.run_ready() + store.let_go() == 0) std::this_thread::yield();
          }
        }) {}
  ~completing_thread() {
    done_ = true;
    thread_.join();
  }
  completing_thread(const completing_thread&) = delete;
  completing_thread& operator=(const completing_thread&) = delete;

  /// Reads `key` from the source; this thread answers.
  task<std::string> load(std::string key) {
    const auto answer = std::make_shared<async_latch>();
    loop_.post([answer] { answer->set(); });
    co_await answer->wait();
    co_return "value of " + key;
  }

 private:
  run_loop loop_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

struct race {
  testing::faulty_store* store;
  strata::cache cache;
  completing_thread others;
  entity<std::string, "plain:{id}"> plain{{.ttl = 60s, .tags = {"all"}}};
  entity<std::string, "timed:{id}"> timed{
      {.ttl = 60s, .fail_safe = true, .soft_timeout = 1ms, .hard_timeout = 2ms, .tags = {"all"}}};

  explicit race(std::shared_ptr<testing::faulty_store> link)
      : store(link.get()), cache({.second_level = link, .factory_limit = 2}), others(*link) {}

  template <class Entity>
  static abandonable operate(race& in, const Entity& entities, unsigned which, std::string id) {
    const auto key = entities(id);
    const auto load = [&in, id] { return in.others.load(id); };
    switch (which) {
      case 0: {
        auto work = in.cache.get(key);
        (void)co_await std::move(work);
        break;
      }
      case 1: {
        auto work = in.cache.refresh(key, load);
        (void)co_await std::move(work);
        break;
      }
      case 2: {
        auto work = in.cache.set(key, "value of " + id);
        (void)co_await std::move(work);
        break;
      }
      case 3: {
        auto work = in.cache.remove(key);
        (void)co_await std::move(work);
        break;
      }
      case 4: {
        auto work = in.cache.remove_by_tag("all");
        (void)co_await std::move(work);
        break;
      }
      case 5: {
        auto begun = in.cache.begin_write(key);
        auto ticket = co_await std::move(begun);
        auto work = in.cache.set_committed(std::move(ticket), key,
                                           std::make_shared<const std::string>("value of " + id));
        (void)co_await std::move(work);
        break;
      }
      default: {
        auto work = in.cache.get_or_set(key, load);
        const auto found = co_await std::move(work);
        if (found) EXPECT_EQ(*found, "value of " + id);
      }
    }
  }
};

/// Begins operations on few keys, and drops each of them after a while.
void drop_many(race& in, unsigned seed) {
  run_loop loop;
  std::mt19937 random(seed);
  std::deque<abandonable> running;
  for (int round = 0; round < 400; ++round) {
    const auto id = std::to_string(random() % 3);
    const auto which = static_cast<unsigned>(random() % 12);
    running.push_back(random() % 2 == 0 ? race::operate(in, in.plain, which, id)
                                        : race::operate(in, in.timed, which, id));
    running.back().start(loop);
    loop.run_ready();
    if (running.size() > 4) running.pop_front();
  }
}

TEST(DropRaces, ADroppedTaskIsNotResumedByWhoeverCompletesItsWait) {
  // The link outlives the cache, whose background work may still answer to it.
  const auto link = std::make_shared<testing::faulty_store>(connect(make_memory_server(system_clock())));
  link->delay({});
  race in(link);
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back([&in, seed] { drop_many(in, seed); });
  for (auto& each : threads) each.join();
  while (in.cache.stats().flights != 0) std::this_thread::yield();
  in.cache.stop_filling();
}

}  // namespace
}  // namespace strata::drops
