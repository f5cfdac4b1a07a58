/// A requested stop ends one caller's wait and nothing else.

#include "tests/drops/stage.hpp"

#include <gtest/gtest.h>

#include <stop_token>
#include <thread>

namespace strata::drops {
namespace {

using namespace std::chrono_literals;

/// A cache whose background runs when it is stepped, and a source that answers when it is.
struct Stop : ::testing::Test {
  testing::manual_clock time;
  step_queue background;
  step_queue front;
  held_source source;
  std::shared_ptr<testing::faulty_store> link =
      std::make_shared<testing::faulty_store>(connect(make_memory_server(time)));
  strata::cache cache{{.second_level = link,
                       .l2_timeout = {},
                       .background = &background,
                       .maintenance_interval = {},
                       .time = &time}};
  entity<std::string, "item:{id}"> items{{.ttl = 60s, .jitter = 0}};
  std::stop_source client;
  int calls = 0;

  auto load() {
    return [this] {
      ++calls;
      return source.load();
    };
  }
  void run() {
    while (front.step() || background.step()) {
    }
  }
  template <class T>
  void begin(task<T> work, std::optional<T>& into) {
    start(&front, std::move(work), [&into](completion<T> ended) { into.emplace(std::move(*ended)); });
  }
  ~Stop() override {
    link->heal();
    link->let_go();
    for (run(); source.step(); run()) {
    }
    cache.stop_filling();
  }
};

using answer = std::optional<lookup<std::string>>;

TEST_F(Stop, EndsTheWaitOfTheCallerAndLeavesTheFactoryRunning) {
  answer stopped, other;
  begin(cache.get_or_set(items("1").stopping(client.get_token()), load()), stopped);
  run();
  begin(cache.get_or_set(items("1"), load()), other);
  run();
  EXPECT_EQ(calls, 1);
  client.request_stop();
  run();
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->failure()->code, errc::cancelled);
  EXPECT_FALSE(other);
  source.step();
  run();
  ASSERT_TRUE(other);
  EXPECT_EQ(**other, "version 1");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(sync_wait(cache.get(items("1"))).info().from, layer::l1) << "its value is stored";
}

TEST_F(Stop, OfAFollowerLeavesTheLeaderAlone) {
  answer leader, stopped;
  begin(cache.get_or_set(items("1"), load()), leader);
  begin(cache.get_or_set(items("1").stopping(client.get_token()), load()), stopped);
  run();
  client.request_stop();
  run();
  EXPECT_EQ(stopped.value().failure()->code, errc::cancelled);
  source.step();
  run();
  EXPECT_EQ(**leader, "version 1");
  EXPECT_EQ(calls, 1);
}

TEST_F(Stop, DoesNotKeepAHitFromItsCaller) {
  sync_wait(cache.set(items("1"), std::string("a hit")));
  client.request_stop();
  EXPECT_EQ(*sync_wait(cache.get_or_set(items("1").stopping(client.get_token()), load())), "a hit");
  EXPECT_EQ(*sync_wait(cache.get(items("1").stopping(client.get_token()))), "a hit");
  EXPECT_EQ(calls, 0);
}

TEST_F(Stop, BeforeTheReadCallsNoFactory) {
  client.request_stop();
  const auto read = sync_wait(cache.get_or_set(items("1").stopping(client.get_token()), load()));
  EXPECT_EQ(read.failure()->code, errc::cancelled);
  run();
  EXPECT_EQ(calls, 0);
}

TEST_F(Stop, ThatIsNotRequestedChangesNothing) {
  answer read;
  begin(cache.get_or_set(items("1").stopping(client.get_token()), load()), read);
  for (run(); source.step(); run()) {
  }
  EXPECT_EQ(**read, "version 1");
  const auto throws = [this]() -> std::string {
    ++calls;
    throw std::runtime_error("the source");
  };
  std::optional<completion<lookup<std::string>>> failed;
  start(&front, cache.refresh(items("1").stopping(client.get_token()), throws),
        [&](auto ended) { failed.emplace(std::move(ended)); });
  run();
  ASSERT_TRUE(failed);
  EXPECT_FALSE(*failed) << "it rethrows";
}

TEST_F(Stop, EndsAReadOfASlowSecondLevel) {
  link->delay({});
  answer read;
  begin(cache.get(items("1").stopping(client.get_token())), read);
  run();
  EXPECT_FALSE(read);
  client.request_stop();
  run();
  EXPECT_EQ(read.value().failure()->code, errc::cancelled);
}

TEST_F(Stop, OfABatchKeepsWhatIsInMemory) {
  sync_wait(cache.set(items("1"), std::string("a hit")));
  std::optional<std::vector<lookup<std::string>>> read;
  begin(cache.get_or_set_many(
            std::vector{items("1"), items("2")},
            [this](std::span<const std::size_t> missing) { return source.load_many(missing.size()); },
            client.get_token()),
        read);
  run();
  EXPECT_FALSE(read);
  client.request_stop();
  run();
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->at(0), "a hit");
  EXPECT_EQ(read->at(1).failure()->code, errc::cancelled);
  source.step();
  run();
  EXPECT_EQ(*sync_wait(cache.get(items("2"))), "version 1");
}

TEST_F(Stop, OfADroppedCallerIsHarmless) {
  {
    answer into;
    auto caller = [](Stop& in, answer& to) -> abandonable {
      auto work = in.cache.get_or_set(in.items("1").stopping(in.client.get_token()), in.load());
      to.emplace(co_await std::move(work));
    }(*this, into);
    caller.start(front);
    run();
    caller.destroy();
    EXPECT_FALSE(into);
  }
  client.request_stop();
  run();
  source.step();
  run();
  EXPECT_EQ(*sync_wait(cache.get(items("1"))), "version 1");
}

TEST(StopRaces, EachCallerGetsItsValueOrItsStop) {
  strata::cache cache;
  const entity<std::string, "item:{id}"> items{{.ttl = 60s}};
  std::vector<std::thread> threads;
  std::atomic<int> values = 0;
  std::atomic<int> stops = 0;
  constexpr int rounds = 300;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        std::stop_source client;
        std::thread stopper([&client] { client.request_stop(); });
        const auto key = items(std::to_string(round)).stopping(client.get_token());
        const auto read = sync_wait(cache.get_or_set(key, [] { return std::string("value"); }));
        if (read) {
          EXPECT_EQ(*read, "value");
          ++values;
        } else {
          EXPECT_EQ(read.failure()->code, errc::cancelled);
          ++stops;
        }
        stopper.join();
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(values + stops, 3 * rounds);
  cache.stop_filling();
}

}  // namespace
}  // namespace strata::drops
