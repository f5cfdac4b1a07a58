#pragma once
/// The sender's tasks, all on one thread: one that keeps the lease and takes purges from the queue, and one
/// for each edge that sends them. So a slow edge delays no other one. Threads: `stats` and `stop` any;
/// everything else the worker's own.

#include "core/mutex.hpp"
#include "edge/call_pacing.hpp"
#include "edge/delivery_plan.hpp"
#include "edge/queue_tables.hpp"

#include <strata/edge_queue.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace strata {

class edge_sender::worker {
 public:
  explicit worker(edge_sender_options options);
  ~worker();
  void stop();
  edge_stats stats() const;

 private:
  struct lane {
    lane(std::shared_ptr<edge_client> to, const edge_sender_options& options)
        : client(std::move(to)),
          name(client->name()),
          plan(options.settle),
          pacing(options.rate, options.burst) {}
    const std::shared_ptr<edge_client> client;
    const std::string name;
    edge_detail::delivery_plan plan;
    edge_detail::call_pacing pacing;
    int unproven = 0;  ///< probes in a row
  };
  enum class proof { given, missing, given_up };

  void run();
  task<> keep_queue();
  /// Takes what is new. Errors: of the database.
  task<result<void>> turn();
  task<result<bool>> hold_lease(bool wanted);
  task<result<void>> load_all();
  task<result<void>> take_all();
  task<result<void>> collapse(lane& of);
  task<result<void>> measure();
  task<> serve(lane& of);
  task<> send(lane& of, edge_detail::delivery what);
  task<proof> prove(lane& of, const edge_detail::delivery& what, time_point called);

  void drop_lease();
  bool holds(time_point at) const { return token_ != 0 && at < held_until_; }
  time_point now() const noexcept { return options_.time->now(); }
  void report(const result<void>& done);
  std::size_t waiting() const;

  const edge_sender_options options_;
  edge_detail::queue_tables queue_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<lane>> lanes_;
  run_loop loop_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();

  // The worker's own.
  std::size_t running_ = 0;  ///< tasks
  std::int64_t token_ = 0;   ///< 0: no lease
  time_point held_until_{};
  std::optional<time_point> measured_;
  bool failing_ = false;

  mutable detail::mutex mutex_;
  edge_stats stats_ STRATA_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace strata
