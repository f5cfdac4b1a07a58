#include "engine/engine.hpp"

namespace strata::detail {

engine::engine(cache_options options)
    : state_(std::move(options)),
      fills_({.state = state_,
              .memory = memory_,
              .reports = reports_,
              .l2 = l2_,
              .factories = factories_,
              .commits = commits_,
              .fallback = fallback_}),
      batches_({.state = state_,
                .memory = memory_,
                .reports = reports_,
                .l2 = l2_,
                .factories = factories_,
                .commits = commits_,
                .fallback = fallback_}) {
}

void engine::open() {
  const auto self = shared_from_this();
  state_.owner = self;
  state_.l2.open(self, invalidations_);
  const scoped_lock lock(maintenance_);
  open_ = true;
  if (state_.options.maintenance_interval > duration::zero()) maintain_later();
}

void engine::close() noexcept {
  {
    const scoped_lock lock(maintenance_);
    open_ = false;
  }
  state_.l2.close(invalidations_);
}

void engine::maintain_later() {
  const auto due = state_.now() + state_.options.maintenance_interval;
  state_.options.timer->at(due, [weak = weak_from_this(), due] {
    if (const auto self = weak.lock()) self->maintenance_due(due);
  });
}

void engine::maintenance_due(time_point due) {
  const scoped_lock lock(maintenance_);
  // Timers on another clock than ours (a test's clock that stands still) fire too early. They are not set
  // again.
  if (!open_ || state_.now() < due) return;
  state_.options.background->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->run_maintenance();
  });
}

void engine::run_maintenance() {
  const scoped_lock lock(maintenance_);
  if (!open_) return;
  maintain();
  maintain_later();
}

consistency_token engine::latest_write() const noexcept {
  // While an invalidation waits to be delivered, the store has not given it a time: then no value in L2 will
  // do.
  const bool undelivered = has_second_level() && !state_.l2.all_delivered();
  return {.process = tokens_.process(),
          .shared = has_second_level(),
          .at = undelivered ? last_commit_time : state_.clock.now()};
}

commit_time engine::required_asof(const consistency_token& token) {
  if (token.process == tokens_.process()) return 0;
  if (!has_second_level()) return tokens_.translate(token, state_.clock);
  return token.shared ? token_translator::accept(token.at, state_.clock) : last_commit_time;
}

void engine::enable(bool on) {
  state_.enabled.store(on, std::memory_order_relaxed);
  if (!on) state_.memory.clear();
}

cache_stats engine::stats() const {
  cache_stats out;
  out.enabled = enabled();
  state_.counters.collect(out);
  const auto memory = state_.memory.stats();
  out.entries = memory.entries;
  out.used = {memory.bytes};
  out.budget = {memory.budget};
  out.evictions = memory.evictions;
  out.expirations = memory.expirations;
  out.flights = state_.admission.flights();
  out.clock = state_.clock.now();
  out.second_level = state_.l2.stats();
  return out;
}

void engine::resize(byte_size memory) {
  check_memory(memory);
  state_.memory.resize(memory, state_.now());
}

}  // namespace strata::detail
