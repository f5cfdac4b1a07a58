#pragma once
/// A stage on which a caller can be dropped after any number of steps: two processes over one store, whose
/// calls, background work and source answer one step at a time, always in the same order.
/// Threads: one.

#include "tests/contract/abandonable.hpp"

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>
#include <strata/store.hpp>
#include <strata/testing.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::drops {

using test::abandonable;

/// An executor whose work runs one piece at a time.
class step_queue final : public executor {
 public:
  void post(std::move_only_function<void()> work) override { waiting_.push_back(std::move(work)); }
  /// Returns false if there was nothing to run.
  bool step() {
    if (waiting_.empty()) return false;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    work();
    return true;
  }

 private:
  std::deque<std::move_only_function<void()>> waiting_;
};

/// What is true: a version of every key, which factories read. Each call of a factory takes a step.
class held_source {
 public:
  /// 0: it does not exist.
  int version = 1;

  /// Reads now and answers when it is stepped, so that what it returns may be overtaken meanwhile.
  task<std::optional<std::string>> load();
  task<std::vector<std::optional<std::string>>> load_many(std::size_t count);
  /// What `load` would return.
  std::optional<std::string> value() const;
  bool step();

 private:
  std::deque<std::shared_ptr<async_latch>> asked_;
};

/// What a drop is tried in.
struct shape {
  std::string name;
  bool second_level = false;
  bool answers_late = false;   ///< the store works at once, and its answer waits; else its work waits, too
  bool cached = false;         ///< the key is in every cache when the operation begins
  bool expired = false;        ///< … and its ttl is over
  bool set_elsewhere = false;  ///< another process has set the key: L2 has a value that this one has not seen
  bool fill_before = false;    ///< another caller of the process is filling the key
  bool fill_elsewhere = false;  ///< another process is filling the key
  bool followed = false;        ///< other callers read the key once the operation has begun
  bool crowded = false;         ///< the only factory that may run belongs to another key
  bool lost = false;            ///< the process has missed changes of the store, and recovers
  bool slow_source = false;     ///< it answers only when every timeout is over
  bool on_executor = true;      ///< else the caller resumes on the thread that ends its wait
  strata::policy policy = {.ttl = std::chrono::minutes(1), .jitter = 0};
};

class stage {
 public:
  explicit stage(const shape& of);
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  ~stage();

  /// Makes all as the shape says, with keys that were never used.
  void prepare();
  /// Begins `operation`, and what the shape puts beside it.
  void begin(const std::function<task<>(stage&)>& operation);
  /// Returns false if nothing is left to do.
  bool step();
  bool caller_done() const { return caller_->done(); }
  void drop() { caller_->destroy(); }
  /// Runs to the end. Returns what is wrong then, or nothing.
  std::string verdict();

  strata::cache& cache() noexcept { return *processes_.front()->cache; }
  typed_key<std::string> key(std::string_view id = "k") const { return entity_(id, runs_); }
  /// Matches `key()` only, and is no prefix.
  std::string glob() const { return "i*:k:" + std::to_string(runs_); }
  /// A factory of the key.
  auto load() {
    return [this] { return source.load(); };
  }

  held_source source;
  bool may_be_stale = false;  ///< the operation changes nothing, or less than all

 private:
  struct process {
    step_queue background;
    testing::manual_timers timer;
    std::shared_ptr<testing::faulty_store> link;
    std::unique_ptr<strata::cache> cache;
    explicit process(const clock& time) : timer(time) {}
  };
  /// A reader besides the caller of the operation.
  struct reader {
    abandonable work;
    std::optional<lookup<std::string>> got;
    explicit reader(abandonable work) : work(std::move(work)) {}
  };
  reader& read(unsigned in, std::string id = "k");
  static abandonable read_into(stage& in, unsigned process, std::string id,
                               std::optional<lookup<std::string>>& into);
  static abandonable run(task<> operation);
  bool step_once();
  void settle();
  std::string check_reads();

  const shape shape_;
  testing::manual_clock time_;
  std::shared_ptr<memory_server> server_;
  entity<std::string, "item:{id}:{run}"> entity_;
  unsigned runs_ = 0;
  step_queue front_;
  std::vector<std::unique_ptr<process>> processes_;
  std::deque<reader> readers_;
  std::optional<abandonable> caller_;
  duration passed_{};
};

}  // namespace strata::drops
