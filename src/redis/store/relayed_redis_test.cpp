/// Stores with a relay: how long they may be trusted.

#include "tests/redis/store_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

namespace strata::redis {
namespace {

using test::open_now;
using namespace std::chrono_literals;

/// Advances the watermark as a relay without changes does.
class mover {
 public:
  explicit mover(store& at) {
    works_ = std::thread([this, &at] {
      while (!stop_) {
        const auto seen = sync_wait(at.read_watermark());
        looked_ = system_clock().now().time_since_epoch().count();
        if (seen && *sync_wait(at.advance_watermark(*seen))) ++moved_;
        std::this_thread::sleep_for(5ms);
      }
    });
  }
  ~mover() {
    stop_ = true;
    works_.join();
  }
  /// When it looked at the source last.
  time_point looked() const { return time_point(duration(looked_.load())); }
  int moved() const { return moved_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<duration::rep> looked_ = 0;
  std::atomic<int> moved_ = 0;
  std::thread works_;
};

struct listener final : store_observer {
  void changed(std::string_view) override {}
  void floor_raised(floor_entry) override {}
  void lost(bool) override {}
  void trust_until(time_point when, time_point before) override {
    std::lock_guard lock(mutex);
    until = when;
    source_watermark = before;
    ++times;
  }
  time_point trusted() {
    std::lock_guard lock(mutex);
    return until;
  }
  int notifications() {
    std::lock_guard lock(mutex);
    return times;
  }
  std::mutex mutex;
  time_point until{};
  time_point source_watermark{};
  int times = 0;
};

TEST(RelayedStore, IsTrustedOnlyWhileTheMarkMoves) {
  const auto& server = test::shared_redis();
  const auto relay = open_now(server.url());
  const auto store = *open_store(server.url(), {.relayed = true, .bound = 300ms});
  listener observer;
  store->observe(observer);
  ASSERT_TRUE(test::eventually([&] { return test::health_of(*store).usable; }));
  EXPECT_EQ(observer.trusted(), time_point{}) << "there is no relay";
  {
    const mover moves(*relay);
    ASSERT_TRUE(test::eventually([&] { return observer.notifications() > 20; }));
    std::lock_guard lock(observer.mutex);
    EXPECT_LE(observer.source_watermark, moves.looked());
    EXPECT_GT(observer.source_watermark, moves.looked() - 5s);
    EXPECT_LE(observer.until, observer.source_watermark + 300ms);
  }
  const auto last = system_clock().now() + 300ms;
  ASSERT_TRUE(test::eventually([&] { return system_clock().now() > last; }));
  EXPECT_LE(observer.trusted(), last) << "no relay has advanced it since";
  store->unobserve(observer);
}

TEST(RelayedStore, BelievesNoMarkFromBeforeAFlush) {
  const auto& server = test::shared_redis();
  const auto relay = open_now(server.url());
  const auto before = *sync_wait(relay->advance_watermark(*sync_wait(relay->read_watermark())));
  ASSERT_TRUE(before);
  ASSERT_TRUE(server.call({"FLUSHALL"}).is_ok());
  relay_watermark after;
  ASSERT_TRUE(test::eventually([&] {
    after = sync_wait(relay->read_watermark()).value_or(relay_watermark());
    return after.life != before->life && !after.life.starts_with("0:");
  }));
  EXPECT_EQ(after.value, 0u);
  EXPECT_FALSE(*sync_wait(relay->advance_watermark(*before)));
  const auto next = *sync_wait(relay->advance_watermark(after));
  ASSERT_TRUE(next);
  EXPECT_GT(next->value, before->value) << "a watermark that a reader saw does not come again";
}

}  // namespace
}  // namespace strata::redis
