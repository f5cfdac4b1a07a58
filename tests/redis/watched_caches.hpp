#pragma once
/// Several caches over one Redis, like those of several processes, under load. All of them read, several
/// write and remove, and the history judges every read. Threads: one; the load runs on threads of its own
/// until `end`.
///
///   watched_caches caches({.urls = {server.url(), server.url()}});
///   caches.run(300ms);
///   server.kill();
///   server.start();
///   caches.recover();
///   caches.end();

#include "tests/redis/history.hpp"
#include "tests/redis/store_support.hpp"

#include <strata/cache.hpp>

#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace strata::test {

struct watch_setup {
  std::vector<std::string> urls;  ///< one for each cache
  store_options store;
  std::size_t writers = 2;  ///< the first few of the caches
  std::size_t keys = 60;
  std::size_t value_size = 16;
  std::chrono::milliseconds bound{350};  ///< of every read
  std::chrono::milliseconds usual{350};  ///< of 99 reads in 100: a busy machine delays some, up to `bound`
  /// Holds for removals that could only be kept, too: the store was away for every process.
  bool for_all = true;
};

class watched_caches {
 public:
  explicit watched_caches(watch_setup with)
      : with_(std::move(with)), truth_(with_.keys), seen_(with_.urls.size(), with_.keys) {
    for (const auto& url : with_.urls) {
      stores_.push_back(open_now(url, with_.store));
      caches_.push_back(std::make_unique<cache>(cache_options{.second_level = stores_.back()}));
    }
    EXPECT_TRUE(eventually([&] { return in_use(); }));
    for (std::size_t i = 0; i < caches_.size(); ++i) load_.emplace_back([this, i] { read(i); });
    for (std::size_t i = 0; i < with_.writers; ++i) load_.emplace_back([this, i] { write(i); });
  }
  ~watched_caches() { stop(); }
  watched_caches(const watched_caches&) = delete;
  watched_caches& operator=(const watched_caches&) = delete;

  /// Lets the load run for `span`. Fails the test if no read is answered.
  void run(std::chrono::milliseconds span) {
    const auto before = reads_.load();
    std::this_thread::sleep_for(span);
    EXPECT_TRUE(eventually([&] { return reads_ > before + 100; })) << "no read is answered";
  }

  /// Waits until all caches use and trust their store again, and prints how long that took.
  void recover() {
    const auto began = history::clock::now();
    EXPECT_TRUE(eventually([&] { return in_use(); }, std::chrono::seconds(60))) << why_not();
    std::cout << "recovered after " << history::milliseconds(history::clock::now() - began).count()
              << " ms\n";
  }
  bool in_use() const {
    return std::ranges::all_of(caches_, [](const auto& each) {
      const auto now = each->stats().second_level;
      return now.state == second_level_state::up && now.coherent && now.backlog == 0;
    });
  }
  /// The state of each cache.
  std::string why_not() const {
    std::string out;
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      const auto now = caches_[i]->stats().second_level;
      out += fmt::format("cache {}: {}, {}, {} kept, {} delivered, {} losses, {} timeouts, its store: {}\n",
                         i, name(now.state), now.coherent ? "coherent" : "not coherent", now.backlog,
                         now.delivered, now.losses, now.timeouts,
                         stores_[i]->health().usable ? "usable" : stores_[i]->health().trouble);
    }
    return out;
  }
  cache& operator[](std::size_t i) { return *caches_[i]; }

  /// Ends the load, and prints and judges the reads.
  void end() {
    EXPECT_TRUE(eventually([&] { return in_use(); }, std::chrono::seconds(60))) << why_not();
    run(std::chrono::milliseconds(300));
    stop();
    const auto told = seen_.judge();
    std::cout << told << "; " << writes_ << " writes; longest read " << longest_ << " ms\n";
    EXPECT_EQ(failed_, 0) << "a read was not answered";
    EXPECT_EQ(told.behind_own, 0u) << "older than a removal in the same process";
    EXPECT_LT(told.max, static_cast<double>(with_.bound.count()));
    EXPECT_LT(told.p99, static_cast<double>(with_.usual.count()));
    if (with_.for_all) {
      EXPECT_LT(told.max_since_return, static_cast<double>(with_.bound.count()));
    }
    EXPECT_GT(from_memory_, 0u) << "the first level was never used";
    EXPECT_GT(from_store_, 0u) << "the second level was never used";
    rest();
  }

 private:
  static typed_key<std::string> name_of(std::size_t key) {
    static const entity<std::string, "page:{id}"> pages{{.ttl = std::chrono::minutes(10)}};
    return pages(std::to_string(key));
  }
  lookup<std::string> get(std::size_t process, std::size_t key) {
    return sync_wait(caches_[process]->get_or_set(name_of(key), [this, key] {
      auto value = std::to_string(truth_[key].load()) + ' ';
      std::minstd_rand letters(static_cast<unsigned>(key) + 1);  // what zstd makes little of
      while (value.size() < with_.value_size) value += static_cast<char>('!' + letters() % 90);
      return value;
    }));
  }

  void read(std::size_t process) {
    std::minstd_rand random(static_cast<unsigned>(process) + 1);
    while (!over_) {
      const auto asked = seen_.ask(process, random() % with_.keys);
      const auto found = get(process, asked.key);
      const auto took = history::milliseconds(history::clock::now() - asked.began).count();
      if (!found) {
        ++failed_;
        continue;
      }
      seen_.answered(asked, std::stoull(*found));
      from_memory_ += found.info().from == layer::l1 ? 1 : 0;
      from_store_ += found.info().from == layer::l2 ? 1 : 0;
      ++reads_;
      longest_ = std::max(longest_.load(), took);
      if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  }

  void write(std::size_t process) {
    std::minstd_rand random(static_cast<unsigned>(process) + 100);
    while (!over_) {
      const auto key = random() % (with_.keys / with_.writers) * with_.writers + process;
      const auto version = ++truth_[key];
      sync_wait(caches_[process]->remove(name_of(key)));
      const auto number = seen_.returned(process, key, version);
      while (caches_[process]->stats().second_level.backlog > 0 && !over_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      seen_.delivered(key, number);
      ++writes_;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  /// After the last write all caches return the newest versions.
  void rest() {
    for (const auto& each : stores_) wait_until_notified(*each);
    for (std::size_t key = 0; key < with_.keys; ++key) {
      for (std::size_t process = 0; process < caches_.size(); ++process) {
        const auto found = get(process, key);
        ASSERT_TRUE(found);
        EXPECT_EQ(std::stoull(*found), truth_[key]) << "at rest, cache " << process << ", key " << key;
      }
    }
  }

  void stop() {
    over_ = true;
    for (auto& each : load_) {
      if (each.joinable()) each.join();
    }
  }

  const watch_setup with_;
  std::vector<std::atomic<std::uint64_t>> truth_;
  history seen_;
  std::vector<std::shared_ptr<network_store>> stores_;
  std::vector<std::unique_ptr<cache>> caches_;
  std::atomic<bool> over_ = false;
  std::atomic<std::uint64_t> reads_ = 0, writes_ = 0, from_memory_ = 0, from_store_ = 0;
  std::atomic<int> failed_ = 0;
  std::atomic<double> longest_ = 0;
  std::vector<std::thread> load_;
};

}  // namespace strata::test
