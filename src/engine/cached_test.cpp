#include "engine/engine_test_support.hpp"

#include <strata/cached.hpp>

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;

TEST(Cached, CallsTheFunctionOnceForTheSameArguments) {
  fixture f;
  int calls = 0;
  const auto find = cached(f.cache, f.agents, [&](std::string_view id) {
    ++calls;
    return agent{std::string(id), "Ada"};
  });
  EXPECT_EQ(sync_wait(find("1"))->id, "1");
  EXPECT_EQ(sync_wait(find(std::string("1")))->id, "1");
  EXPECT_EQ(sync_wait(find("2"))->id, "2");
  EXPECT_EQ(calls, 2);
}

TEST(Cached, ForgetsWhatIsInvalidated) {
  fixture f;
  int calls = 0;
  const auto find =
      cached(f.cache, f.agents, [&](std::string_view) { return agent{"x", std::to_string(++calls)}; });
  sync_wait(find("1"));
  sync_wait(find.invalidate("1"));
  EXPECT_EQ(sync_wait(find("1"))->name, "2");
}

TEST(Cached, ReplacesWhatIsRefreshed) {
  fixture f;
  int calls = 0;
  const auto find =
      cached(f.cache, f.agents, [&](std::string_view) { return agent{"x", std::to_string(++calls)}; });
  sync_wait(find("1"));
  EXPECT_EQ(sync_wait(find.refresh("1"))->name, "2");
  EXPECT_EQ(sync_wait(find("1"))->name, "2");
}

TEST(Cached, KeepsTextArgumentsOfAFunctionThatEndsLater) {
  fixture f;
  run_loop loop;
  async_latch go;
  const auto find = cached(f.cache, f.agents, [&](std::string_view id) -> task<agent> {
    co_await go.wait();
    co_return agent{std::string(id), ""};
  });
  std::string got;
  {
    const std::string passing = "an id that is longer than a small string";
    start(&loop, find(passing), [&](completion<lookup<agent>> read) { got = (*read)->id; });
  }
  go.set();
  while (loop.run_ready() != 0) {
  }
  EXPECT_EQ(got, "an id that is longer than a small string");
}

TEST(Cached, TakesAKeyBuilder) {
  fixture f;
  struct request {
    std::string id;
    int noise;
  };
  int calls = 0;
  const auto find = cached(
      f.cache, f.agents,
      [&](const request& asked) {
        ++calls;
        return agent{asked.id, ""};
      },
      [](const auto& agents, const request& asked) { return agents(asked.id); });
  sync_wait(find(request{"1", 1}));
  sync_wait(find(request{"1", 2}));
  EXPECT_EQ(calls, 1);
}

template <class F, class... A>
concept callable = requires(const F& f, const A&... a) { f(a...); };

TEST(Cached, DoesNotCompileWithAWrongNumberOfArguments) {
  fixture f;
  const auto find = cached(f.cache, f.agents, [](std::string_view id) { return agent{std::string(id), ""}; });
  static_assert(callable<decltype(find), std::string>);
  static_assert(!callable<decltype(find)>);
  static_assert(!callable<decltype(find), std::string, std::string>);
  static_assert(!callable<decltype(find), agent>);
  SUCCEED();
}

TEST(Cached, GivesTheFunctionItsContextIfItWantsOne) {
  fixture f;
  const auto find = cached(f.cache, f.agents, [](fill_context& context, std::string_view) {
    context.set_ttl(std::chrono::seconds(5));
    return agent{};
  });
  EXPECT_EQ(sync_wait(find("1")).info().ttl, duration(std::chrono::seconds(5)));
}

}  // namespace
