#pragma once
/// Starts the real servers of a run: PostgreSQL, Redis alone, with sentinels or as a cluster, proxies in
/// front of both, and the engine processes. Ends each by its pid.
/// Threads: one, the creating thread.

#include "tests/consistency/checker.hpp"
#include "tests/consistency/node.hpp"
#include "tests/full_disk.hpp"
#include "tests/postgres/server.hpp"
#include "tests/redis/cluster_group.hpp"
#include "tests/redis/proxy.hpp"
#include "tests/redis/sentinel_group.hpp"
#include "tests/redis/server.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::consistency {

enum class store_kind { redis, sentinel, cluster };

struct stage_setup {
  store_kind store = store_kind::redis;
  std::uint64_t seed = 1;
  std::string program;  ///< path of the engine process
  consistency::plan plan = {};
};

class stage {
 public:
  explicit stage(stage_setup setup);

  board& shared() noexcept { return *board_; }
  const stage_setup& setup() const noexcept { return setup_; }
  test::postgres_server& postgres() noexcept { return postgres_; }
  std::string postgres_url() const { return postgres_.url(); }
  /// The disk that holds PostgreSQL's tables.
  const test::full_disk& disk() const noexcept { return disk_; }

  /// The current Redis master; in a cluster, another node each time.
  test::redis_server& redis();
  test::sentinel_group& sentinels() { return *group_; }
  test::cluster_group& cluster() { return *cluster_; }
  /// The proxies between each process and Redis, and PostgreSQL.
  test::proxy& redis_proxy() { return *redis_proxy_; }
  test::proxy& postgres_proxy() { return *postgres_proxy_; }
  bool has_redis_proxy() const { return redis_proxy_ != nullptr; }

  void start_process(unsigned index);
  /// Kills the process (-9) and starts another in its place.
  void replace_process(unsigned index);
  /// Replaces each process that has exited by itself. Returns how many.
  unsigned replace_ended();
  test::child& process(unsigned index) { return *processes_[index]; }
  /// Waits until each process has started. Throws if one fails.
  void wait_until_ready();
  /// Whether every process has served from memory within the last 50 ms.
  bool all_serve() const;
  /// The process whose relay is active; the first if none reports it.
  unsigned relaying() const;

  /// Runs the final check in all processes, and in one with empty memory. Throws if one fails.
  void look_at_all();

  std::vector<history_row> history();
  /// The logs of all processes so far; the driver's own is `programs`.
  std::vector<process_log> logs();
  log& programs() noexcept { return programs_; }
  /// The counters of all processes, one after the other.
  std::vector<const counts*> counted();
  std::uint32_t peak_queries() const;

  /// The output of the processes: empty if all is well.
  std::string said() const;

 private:
  std::string store_url(unsigned index) const;
  std::string database_url(unsigned index) const;
  std::string words_file() const { return folder_.file("said"); }
  test::child launch(unsigned index, bool look);

  stage_setup setup_;
  test::temporary_folder folder_;
  shared_board board_;
  test::temporary_folder disk_folder_;
  test::full_disk disk_;
  test::postgres_server postgres_;
  std::optional<test::redis_server> redis_;
  std::optional<test::sentinel_group> group_;
  std::optional<test::cluster_group> cluster_;
  std::size_t node_ = 0;
  std::unique_ptr<test::proxy> redis_proxy_, postgres_proxy_;
  log programs_;
  std::array<unsigned, engine_processes + 1> incarnations_{};
  std::array<std::optional<test::child>, engine_processes> processes_;
  std::deque<log> read_;  ///< logs of processes, opened for the checker
};

}  // namespace strata::consistency
