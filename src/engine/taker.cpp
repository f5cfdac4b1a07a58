#include "engine/taker.hpp"

namespace strata::detail {

namespace {

/// Removes the key once more if the task is dropped before it has done so: a read may bring back what L2 had.
struct unfinished_take {
  invalidator& by;
  const key& of;
  bool ended = false;

  unfinished_take(invalidator& by, const key& of) noexcept : by(by), of(of) {}
  unfinished_take(const unfinished_take&) = delete;
  unfinished_take& operator=(const unfinished_take&) = delete;
  ~unfinished_take() {
    if (!ended) by.invalidate_behind({.keys = {of}});
  }
};

}  // namespace

record_ptr taker::take_from_memory(const key& key, commit_time floor) {
  record_ptr taken;
  state_.admission.invalidate(key.text(), floor, [&] {
    // A touch, which takes no ticket, may replace the record meanwhile.
    for (auto found = memory_.peek(key); found != nullptr && found->asof < floor; found = memory_.peek(key)) {
      const auto is_found = [&](const void* current) { return current == found.get(); };
      if (!state_.memory.erase_if(key.hash(), key.text(), is_found)) continue;
      taken = std::move(found);
      return;
    }
  });
  state_.miss_reasons.note(key.hash(), miss_reason::removed);
  return taken;
}

any_lookup taker::answer(const any_key& target, const record_ptr& entry, layer from,
                         time_point source_watermark, any_lookup missed) {
  const auto at = state_.now();
  const auto standing = memory_.judge(target, *entry, at, source_watermark);
  if (standing.fresh()) return reports_.hit(target, entry, from, at);
  missed.info.reason = standing.why;
  return reports_.missed(target, std::move(missed));
}

task<any_lookup> taker::take(any_key target) {
  any_lookup missed;
  missed.info.reason = miss_reason::bypassed;
  if (!target.key.cacheable()) co_return reports_.missed(target, std::move(missed));
  const auto watermark = state_.l2.source_watermark();
  const auto floor = state_.clock.tick();
  missed.info.reason = state_.miss_reasons.reason(target.key.hash());
  const auto here = take_from_memory(target.key, floor);
  state_.counters.count(target.type, &type_cells::removals);
  const bool readable = state_.caches(target);
  if (!readable) missed.info.reason = miss_reason::bypassed;
  const bool memory_decides = !state_.has_second_level() || !records_.may_share(target);
  if (state_.has_second_level()) {
    unfinished_take taking(invalidations_, target.key);
    auto there = co_await state_.l2.take(state_.l2_key(target.key), floor);
    taking.ended = true;
    // Once more, as in invalidator::invalidate.
    invalidations_.forget(target.key, there ? there->floor : state_.clock.tick(), miss_reason::removed);
    if (!there) {
      invalidations_.forget_undelivered(target.key);
      missed.info.reason = miss_reason::l2_down;
    } else if (readable && !memory_decides && there->value) {
      const auto entry = records_.decode(target, *there->value);
      if (entry) co_return answer(target, *entry, layer::l2, watermark, std::move(missed));
      missed.info.reason = entry.error();
    }
  }
  if (readable && memory_decides && here != nullptr) {
    co_return answer(target, here, layer::l1, watermark, std::move(missed));
  }
  co_return reports_.missed(target, std::move(missed));
}

}  // namespace strata::detail
