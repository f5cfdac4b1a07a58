#include "tests/consistency/lanes.hpp"

#include <chrono>
#include <thread>

namespace strata::consistency {

namespace {

void pause(std::int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

/// One session while it is in this process.
class visit {
 public:
  visit(node& here, std::uint16_t number)
      : here_(here),
        with_(here.shared().plan),
        number_(number),
        slot_(here.shared().sessions[number]),
        random_(here.setup().seed * 1'000'003 + number * 7919ULL + slot_.steps * 104'729ULL) {
    who_.session = number;
    if (const auto mark = carried()) who_.at_least = here.required_asof(*mark);
  }

  /// Returns whether the session stays.
  bool step() {
    ++slot_.steps;
    const bool writes = here_.shared().now == phase::running;
    const auto drawn = random_.below(1000);
    if (writes && drawn < with_.writes) {
      write();
      return !random_.one_in(2) || !leave();
    }
    if (drawn < with_.writes + with_.slow_reads) {
      here_.read_slowly(as(), some_row(), static_cast<double>(random_.between(5, 60)) / 1000);
    } else if (drawn > 990 && leave()) {
      return false;
    } else {
      read();
      if (here_.shared().ballast) here_.read_ballast(random_.below(3000));
      pause(with_.pause);
    }
    return true;
  }

 private:
  /// By then every process has applied a write whose invalidation could not reach the store, or trusts
  /// nothing.
  static constexpr auto untold_for = std::chrono::seconds(1);

  const key_space& keys() const { return with_.keys; }

  /// The token of all its writes; empty: it wrote nothing, or the token is no longer needed.
  std::optional<consistency_token> carried() const {
    if (slot_.mark_at == 0) return std::nullopt;
    const bool untold = slot_.mark_at == last_commit_time;
    if (untold && system_clock().now().time_since_epoch().count() > slot_.untold_until) return std::nullopt;
    return consistency_token{slot_.mark_process, slot_.mark_shared, slot_.mark_at};
  }

  void carry(consistency_token mark) {
    if (mark.at == last_commit_time) {
      slot_.untold_until = (system_clock().now() + untold_for).time_since_epoch().count();
    }
    if (const auto before = carried()) mark = joined(*before, mark);
    slot_.mark_process = mark.process;
    slot_.mark_shared = mark.shared;
    slot_.mark_at = mark.at;
  }

  /// Uses the token that the session brought: its writes in this process need none.
  reader as() const { return {number_, who_.at_least}; }

  /// Some rows are read more often than others.
  std::uint32_t some_row() {
    const auto one = random_.below(keys().all());
    return std::min(one, random_.below(keys().all()));
  }

  void read() {
    for (auto i = random_.between(4, 16); i > 0; --i) here_.read_row(as(), some_row());
    switch (random_.below(4)) {
      case 0: {
        std::vector<std::uint32_t> some;
        const bool bulk = random_.one_in(4);
        const auto first = bulk ? keys().items : 0;
        const auto count = bulk ? keys().bulk : keys().items;
        for (int i = 0; i < 5; ++i) {
          const auto key = first + random_.below(count);
          if (std::ranges::find(some, key) == some.end()) some.push_back(key);
        }
        here_.read_batch(as(), some);
        break;
      }
      case 1:
        here_.read_query(as(), keys().items / in_group + random_.below(keys().bulk / in_group));
        break;
      default:
        here_.read_list(as(), random_.below(keys().items / in_group));
    }
  }

  void write() {
    const auto key =
        random_.one_in(12) ? keys().items + random_.below(keys().bulk) : random_.below(keys().items);
    const bool gone = key_space::comes_and_goes(key);
    const bool done = here_.write(number_, key, gone);
    carry(here_.latest_write());
    if (!done) return;
    here_.read_row({number_, 0}, key);
    if (keys().is_item(key)) here_.read_list({number_, 0}, key_space::group_of(key));
  }

  bool leave() {
    const auto to = random_.below(engine_processes);
    if (to == here_.setup().index) return false;
    slot_.at = to;
    return true;
  }

  node& here_;
  const plan& with_;
  std::uint16_t number_;
  board::session& slot_;
  random_numbers random_;
  reader who_;
};

}  // namespace

void lane(node& here) {
  auto& shared = here.shared();
  const auto me = here.setup().index + 1;
  while (shared.now != phase::checking) {
    bool idle = true;
    for (std::uint16_t i = 1; i <= shared.plan.sessions; ++i) {
      auto& slot = shared.sessions[i];
      std::uint32_t unowned = 0;
      if (slot.at != here.setup().index || !slot.lane.compare_exchange_strong(unowned, me)) continue;
      if (slot.at == here.setup().index) {
        idle = false;
        visit visiting(here, i);
        const auto until = now() + 50 * millisecond;
        while (now() < until && shared.now != phase::checking && visiting.step()) {
        }
      }
      slot.lane = 0;
    }
    if (idle) pause(2);
  }
}

}  // namespace strata::consistency
