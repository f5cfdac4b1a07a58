#include "redis/connection/deadline_wheel.hpp"

#include <algorithm>

namespace strata::redis {

void deadline_wheel::add(request& one) noexcept {
  // One that has passed already is found by the next advance.
  const auto at = std::max(tick_of(one.deadline), done_ + 1);
  request*& head = slots_[slot(at)];
  one.later = head;
  if (head != nullptr) head->earlier = &one.later;
  head = &one;
  one.earlier = &head;
  ++size_;
}

void deadline_wheel::remove(request& one) noexcept {
  if (one.earlier == nullptr) return;
  *one.earlier = one.later;
  if (one.later != nullptr) one.later->earlier = one.earlier;
  one.earlier = nullptr;
  one.later = nullptr;
  --size_;
}

}  // namespace strata::redis
