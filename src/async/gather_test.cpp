#include "async/gather.hpp"

#include "tests/contract/abandonable.hpp"

#include <array>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

task<result<int>> after(async_latch& when, int value) {
  co_await when.wait();
  if (value == 0) throw std::runtime_error("no");
  co_return value;
}

TEST(Gather, WaitsForAllAndKeepsTheirOrder) {
  std::array<async_latch, 3> events;
  std::vector<task<result<int>>> work;
  work.push_back(after(events[0], 1));
  work.push_back(after(events[1], 0));
  work.push_back(after(events[2], 3));
  std::optional<std::vector<result<int>>> ended;
  start(nullptr, gather(std::move(work)),
        [&](completion<std::vector<result<int>>> all) { ended = std::move(*all); });
  for (const auto i : {2, 0}) events[static_cast<std::size_t>(i)].set();
  EXPECT_FALSE(ended);
  events[1].set();
  ASSERT_TRUE(ended);
  EXPECT_EQ((*ended)[0], 1);
  EXPECT_FALSE((*ended)[1]) << "an exception is an error";
  EXPECT_EQ((*ended)[2], 3);
  EXPECT_TRUE(sync_wait(gather(std::vector<task<result<int>>>())).empty());
}

TEST(Gather, TheTasksOfOneThatIsDestroyedGoOn) {
  async_latch go_on;
  run_loop loop;
  bool ended = false;
  {
    auto waits = [&]() -> test::abandonable {
      std::vector<task<result<int>>> work;
      work.push_back([](async_latch& when, bool& did) -> task<result<int>> {
        co_await when.wait();
        did = true;
        co_return 1;
      }(go_on, ended));
      co_await gather(std::move(work));
    };
    auto task = waits();
    task.start(loop);
  }
  go_on.set();
  EXPECT_TRUE(ended);
  EXPECT_EQ(loop.run_ready(), 0u);
}

}  // namespace
}  // namespace strata::detail
