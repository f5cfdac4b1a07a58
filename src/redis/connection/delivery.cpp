#include "redis/connection/delivery.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace strata::redis {

namespace {

void resume(request& one) {
  // This executor may have abandoned it since it was marked.
  if (one.standing.load(std::memory_order_acquire) == request::stand::ready) one.waiter.resume();
}

void resume_all(done_list& ready) {
  while (request* one = ready.pop()) {
    resume(*one);
    one->drop();
  }
}

bool mark_ready(request& one) {
  auto expected = request::stand::waiting;
  return one.standing.compare_exchange_strong(expected, request::stand::ready, std::memory_order_acq_rel);
}

}  // namespace

void delivery::flush(const executor* own) {
  if (added_.empty()) return;
  done_list here;
  {
    detail::scoped_lock lock(posting_);
    std::vector<std::pair<executor*, std::unique_ptr<done_list>>> away;
    while (request* one = added_.pop()) {
      if (!mark_ready(*one)) {
        one->drop();
        continue;
      }
      executor* const target = one->resume_on;
      if (target == nullptr || target == own) {
        here.push(one);
        continue;
      }
      auto group = std::ranges::find(away, target, &std::pair<executor*, std::unique_ptr<done_list>>::first);
      if (group == away.end()) group = away.insert(group, {target, std::make_unique<done_list>()});
      group->second->push(one);
    }
    for (auto& [target, ready] : away) {
      target->post([all = std::move(ready)] { resume_all(*all); });
    }
  }
  resume_all(here);
}

}  // namespace strata::redis
