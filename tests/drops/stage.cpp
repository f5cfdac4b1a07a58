#include "tests/drops/stage.hpp"

#include <fmt/format.h>

namespace strata::drops {

namespace {

using namespace std::chrono_literals;

/// How much time passes at once when nothing else happens, and at most in one run.
constexpr duration tick = 50ms;
constexpr duration longest = 10s;

std::optional<std::string> value_of(int version) {
  return version == 0 ? std::nullopt : std::optional(fmt::format("version {}", version));
}

cache_options options_of(const shape& of, executor& background, timers& timer, const clock& time,
                         std::shared_ptr<store> link) {
  cache_options out;
  out.memory = {1u << 20};
  out.second_level = std::move(link);
  out.factory_limit = of.crowded ? 1 : 0;
  out.l2_timeout = {};
  out.background = &background;
  out.timer = &timer;
  out.maintenance_interval = {};
  out.seed = 1;
  out.time = &time;
  return out;
}

}  // namespace

task<std::optional<std::string>> held_source::load() {
  auto read = value();
  const auto answer = std::make_shared<async_latch>();
  asked_.push_back(answer);
  co_await answer->wait();
  co_return read;
}

task<std::vector<std::optional<std::string>>> held_source::load_many(std::size_t count) {
  const auto one = co_await load();
  co_return std::vector(count, one);
}

std::optional<std::string> held_source::value() const {
  return value_of(version);
}

bool held_source::step() {
  if (asked_.empty()) return false;
  const auto answer = std::move(asked_.front());
  asked_.pop_front();
  answer->set();
  return true;
}

stage::stage(const shape& of) : shape_(of), server_(make_memory_server(time_)), entity_(of.policy) {
  for (int i = 0; i < (of.second_level ? 2 : 1); ++i) {
    auto& added = *processes_.emplace_back(std::make_unique<process>(time_));
    if (of.second_level) added.link = std::make_shared<testing::faulty_store>(connect(server_));
    added.cache =
        std::make_unique<strata::cache>(options_of(of, added.background, added.timer, time_, added.link));
  }
}

void stage::prepare() {
  const auto& of = shape_;
  ++runs_;
  caller_.reset();
  for (auto& each : processes_) {
    if (each->link != nullptr) {
      each->link->heal();
      each->link->let_go();
    }
  }
  settle();
  readers_.clear();
  source.version = 1;
  if (of.cached) {
    for (unsigned i = 0; i < processes_.size(); ++i) read(i);
    settle();
  }
  for (int i = 0; of.set_elsewhere && i < 5; ++i) {
    sync_wait(processes_[1]->cache->set(key(), *source.value()));
  }
  if (of.expired) time_.advance(of.policy.ttl);
  for (auto& each : processes_) {
    if (each->link != nullptr) each->link->delay({.after = of.answers_late});
  }
  passed_ = {};
}

stage::~stage() {
  caller_.reset();
  settle();
  for (auto& each : processes_) each->cache->stop_filling();
}

abandonable stage::read_into(stage& in, unsigned process, std::string id,
                             std::optional<lookup<std::string>>& into) {
  auto answer = in.processes_[process]->cache->get_or_set(in.key(id), in.load());
  into.emplace(co_await std::move(answer));
}

stage::reader& stage::read(unsigned in, std::string id) {
  auto& added = readers_.emplace_back(abandonable(std::coroutine_handle<abandonable::promise_type>()));
  added.work = read_into(*this, in, std::move(id), added.got);
  added.work.start(front_);
  return added;
}

abandonable stage::run(task<> operation) {
  co_await std::move(operation);
}

void stage::begin(const std::function<task<>(stage&)>& operation) {
  if (shape_.crowded) read(0, "other");
  if (shape_.fill_before) read(0);
  if (shape_.fill_elsewhere) {
    // Until its factory runs: it has the lease.
    auto& there = processes_[1];
    read(1);
    while (there->link->waiting() != 0 || there->background.step()) {
      there->link->let_go(1);
      while (front_.step()) {
      }
    }
  }
  if (shape_.lost) processes_.front()->link->lose(true);
  caller_.emplace(run(operation(*this)));
  if (shape_.on_executor) {
    caller_->start(front_);
  } else {
    caller_->start_inline();
  }
  if (shape_.followed) {
    for (unsigned i = 0; i < processes_.size(); ++i) read(i);
    read(0);
  }
}

bool stage::step_once() {
  if (front_.step()) return true;
  for (auto& each : processes_) {
    if (each->background.step()) return true;
  }
  for (auto& each : processes_) {
    if (each->link != nullptr && each->link->let_go(1) != 0) return true;
  }
  return !(shape_.slow_source && passed_ < longest) && source.step();
}

bool stage::step() {
  if (step_once()) return true;
  bool waits = caller_ && !caller_->is_destroyed() && !caller_->done();
  for (const auto& each : readers_) waits = waits || !each.got;
  if (!waits || passed_ >= longest) return shape_.slow_source && source.step();
  passed_ += tick;
  time_.advance(tick);
  for (auto& each : processes_) each->timer.run_due();
  return true;
}

void stage::settle() {
  while (step()) {
  }
}

std::string stage::check_reads() {
  for (unsigned i = 0; i < processes_.size(); ++i) {
    auto& last = read(i);
    // Without time: a lease or a flight that was left behind would be waited for.
    for (bool more = true; more;) more = step_once() || source.step();
    if (!last.got) return fmt::format("process {} waits for something that was left behind", i);
    const auto& got = *last.got;
    if (got.failure() != nullptr) return fmt::format("process {}: {}", i, got.failure()->detail);
    const auto value = got ? std::optional(*got) : std::nullopt;
    if (value != source.value() && !(got.info().stale && may_be_stale)) {
      return fmt::format("process {} reads {} instead of {}", i, value.value_or("nothing"),
                         source.value().value_or("nothing"));
    }
  }
  return {};
}

std::string stage::verdict() {
  settle();
  for (const auto& each : readers_) {
    if (!each.got) return "another reader still waits";
    if (each.got->failure() != nullptr && each.got->failure()->code != errc::timeout) {
      return "another reader got: " + each.got->failure()->detail;
    }
  }
  for (const auto& each : processes_) {
    if (each->cache->stats().flights != 0) return "a flight was left behind";
  }
  if (auto wrong = check_reads(); !wrong.empty()) return wrong;
  settle();
  for (const auto& each : processes_) {
    if (each->cache->stats().flights != 0) return "a flight was left behind in the end";
  }
  return {};
}

}  // namespace strata::drops
