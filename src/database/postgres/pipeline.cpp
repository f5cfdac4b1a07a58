#include "database/postgres/pipeline.hpp"

#include <utility>

namespace strata::detail {

pipeline::plan pipeline::add(command_ptr next) {
  plan out{.deallocate = {}, .what = next.get()};
  // A ROLLBACK must not stand behind what a failed transaction refuses.
  if (next->what != command::role::control) out.deallocate = std::exchange(garbage_, {});
  std::string name;
  if (next->kept) {
    auto use = cache_.find(next->text);
    if (!use.deallocated.empty()) out.deallocate.push_back(std::move(use.deallocated));
    out.prepare = use.is_new;
    out.name = use.name;
    name = use.name;
  }
  for (const auto& each : out.deallocate) expected_.push_back({step::deallocate, each, nullptr});
  if (out.prepare) expected_.push_back({step::prepare, name, nullptr});
  expected_.push_back({step::execute, std::move(name), std::move(next)});
  ++commands_;
  return out;
}

void pipeline::add_sync() {
  expected_.push_back({step::sync, {}, nullptr});
}

const command* pipeline::next() const noexcept {
  if (expected_.empty()) return nullptr;
  // What PREPARE says is wrong is wrong with the statement that it is for.
  const auto& front = expected_.front();
  if (front.what == step::prepare && expected_.size() > 1) return expected_[1].of.get();
  return front.of.get();
}

pipeline::event pipeline::take(answer_kind answer) {
  if (expected_.empty() || (answer == answer_kind::sync) != (expected_.front().what == step::sync)) {
    return {verdict::confused, nullptr};
  }
  auto front = std::move(expected_.front());
  expected_.pop_front();
  if (answer == answer_kind::sync) return {verdict::synced, nullptr};
  if (answer != answer_kind::done) return take_failure(answer, std::move(front));
  if (front.what == step::prepare) cache_.confirm(front.name);
  if (front.what != step::execute) return {};
  return finish(verdict::done, std::move(front.of));
}

pipeline::event pipeline::take_failure(answer_kind answer, slot failed) {
  switch (failed.what) {
    case step::deallocate:
      // Aborted: it is still there. Refused: it is not, and nothing is left to do.
      if (answer == answer_kind::aborted) garbage_.push_back(std::move(failed.name));
      return {};
    case step::prepare:
      cache_.forget(failed.name);
      // The execute behind it will be aborted; its command ends here if the text is to blame.
      if (answer != answer_kind::failed) return {};
      return finish(verdict::failed, std::move(expected_.front().of));
    case step::execute:
      if (!failed.of) return {};
      if (answer == answer_kind::failed) return finish(verdict::failed, std::move(failed.of));
      if (answer == answer_kind::aborted) return finish(verdict::again, std::move(failed.of));
      cache_.forget(failed.name);
      if (answer == answer_kind::stale) garbage_.push_back(std::move(failed.name));
      if (++failed.of->stale > most_stale) return finish(verdict::failed, std::move(failed.of));
      return finish(verdict::again, std::move(failed.of));
    case step::sync:
      break;
  }
  return {verdict::confused, nullptr};
}

pipeline::event pipeline::finish(verdict what, command_ptr of) {
  if (!of) return {};
  --commands_;
  return {what, std::move(of)};
}

std::vector<command_ptr> pipeline::take_all() {
  std::vector<command_ptr> out;
  for (auto& each : expected_) {
    if (each.of) out.push_back(std::move(each.of));
  }
  expected_.clear();
  commands_ = 0;
  return out;
}

}  // namespace strata::detail
