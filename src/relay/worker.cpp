#include "relay/worker.hpp"

#include "async/timed_wait.hpp"
#include "engine/mutation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata {

namespace {

using namespace std::chrono_literals;

/// More changes than these make everything invalid: that is quicker.
constexpr int most_changes = 50'000;
/// How often the cursor is written down: what a successor does again at most.
constexpr duration cursor_period = 100ms;
constexpr duration idle_cursor_period = 5s;
constexpr duration maintenance_period = 10s;
constexpr duration first_patience = 10ms;
constexpr duration most_patience = 250ms;

}  // namespace

relay::worker::worker(relay_options options)
    : options_(std::move(options)),
      reader_(options_.source),
      duty_(options_.source, options_.name_space),
      told_(options_.time->now()) {
  stats_.active = options_.local != nullptr;
}

void relay::worker::begin() {
  looked_ = stands_since_ = now();
  std::promise<void> ended;
  ended_ = ended.get_future().share();
  start(nullptr, run(),
        [self = shared_from_this(), ended = std::move(ended)](const completion<void>&) mutable {
          ended.set_value();
        });
}

void relay::worker::stop() {
  stop_->set();
  ended_.wait();
}

task<> relay::worker::run() {
  while (!stop_->is_set()) {
    const auto began = now();
    const bool waits = options_.target != nullptr && !active_;
    auto next = waits ? watch() : turn();
    const auto due = began + co_await std::move(next);
    if (now() < due) co_await detail::timed_wait(stop_, *options_.timer, due);
  }
}

task<duration> relay::worker::watch() {
  auto found = co_await options_.target->read_watermark();
  const auto at = now();
  if (!found) {
    watched_.reset();
    co_return failed(found.error());
  }
  if (!watched_ || *found != *watched_) {
    watched_ = std::move(*found);
    stands_since_ = at;
    succeeded();
  }
  if (at - stands_since_ < options_.takeover) co_return options_.takeover / 4;
  auto taking = take_over();
  co_return co_await std::move(taking);
}

task<duration> relay::worker::take_over() {
  auto taken = co_await duty_.take();
  if (!taken) co_return failed(taken.error());
  stands_since_ = now();
  if (taken->term == 0) co_return options_.takeover / 4;
  active_ = true;
  term_ = taken->term;
  cursor_ = {.seen = std::move(taken->seen), .life = std::move(taken->life)};
  const auto seen = detail::parse_snapshot(cursor_.seen);
  cursor_end_ = seen ? seen->xmax : 0;
  overflow_ = relaying::overflow_watch(taken->overflow);
  told_life_ = std::move(taken->store_life);
  mark_.reset();
  {
    detail::scoped_lock lock(mutex_);
    stats_.active = true;
    ++stats_.takeovers;
  }
  options_.log(fmt::format("relay: on duty for {}, the {}th", options_.name_space, term_));
  co_return duration::zero();
}

void relay::worker::stand_down(std::string_view why) {
  active_ = false;
  watched_.reset();
  {
    detail::scoped_lock lock(mutex_);
    stats_.active = false;
  }
  options_.log(fmt::format("relay: no longer on duty: {}", why));
}

task<duration> relay::worker::turn() {
  if (options_.target != nullptr && !mark_) {
    auto found = co_await options_.target->read_watermark();
    if (!found) co_return failed(found.error());
    mark_ = std::move(*found);
  }
  const bool replay = mark_ && mark_->life != told_life_ && !cursor_.seen.empty() &&
                      !detail::mutated(detail::mutation::replay_off);
  auto from = cursor_;
  if (replay) from.seen = relaying::from_the_beginning;
  const auto looked = now();
  auto found = co_await reader_.look(options_.name_space, std::move(from), most_changes);
  if (!found) co_return failed(found.error());
  if (found->life.empty()) {
    auto begun = co_await reader_.begin_life();
    if (!begun) co_return failed(begun.error());
  }
  if (options_.target != nullptr && found->term != term_) {
    source_lost_ = !found->term;
    stand_down(found->term ? "another has taken over" : "PostgreSQL was restarted after a crash");
    if (found->term) co_return options_.poll;
    auto taking = take_over();
    co_return co_await std::move(taking);
  }
  if (found->life.empty()) co_return options_.poll;  // the next look sees the new one, and clears
  if (replay) {
    detail::scoped_lock lock(mutex_);
    ++stats_.replays;
  }
  auto telling = tell(std::move(*found), looked);
  co_return co_await std::move(telling);
}

std::optional<clear_reason> relay::worker::must_clear(const relaying::glance& found,
                                                      relaying::overflow_watch& watching) const {
  std::optional<clear_reason> why;
  if (cursor_.seen.empty()) {
    why = source_lost_ ? clear_reason::source_lost : clear_reason::fresh;
  } else if (found.life != cursor_.life || found.now.xmax < cursor_end_) {
    why = clear_reason::source_lost;
  }
  if (why) watching = relaying::overflow_watch();
  if (!why && found.too_old) why = clear_reason::too_old;
  if (!why && found.more) why = clear_reason::too_many;
  if (watching.look(found.overflow, found.now) && !why) why = clear_reason::overflow;
  return why;
}

task<duration> relay::worker::tell(relaying::glance found, time_point looked) {
  auto watching = overflow_;  // what has not been told has not been seen
  const auto why = must_clear(found, watching);
  if (watching.wants_fence()) {
    const auto fence = co_await reader_.fence();
    if (!fence) co_return failed(fence.error());
    watching.fence(*fence, found.now);
  }
  invalidation what;
  what.everything = why.has_value();
  if (!why) {
    auto expanded = co_await reader_.expand(found.changes, what);
    if (!expanded) co_return failed(expanded.error());
  }
  relaying::applied_counts done;
  if (options_.local != nullptr) {
    done = co_await relaying::apply_to(*options_.local, std::move(what));
    options_.local->trust(looked + options_.bound, looked);
  } else {
    if (!what.empty()) {
      auto told = co_await relaying::apply_to(*options_.target, options_.name_space, std::move(what));
      if (!told) {
        if (detail::mutated(detail::mutation::replay_off)) {
          cursor_.seen = found.seen;
          co_await move_cursor(now(), true);
        } else {
          mark_.reset();
        }
        co_return failed(told.error());
      }
      done = *told;
    }
    auto moved = co_await move_mark();
    if (!moved) co_return failed(moved.error());
    if (!mark_) co_return duration::zero();  // another's, or the store has forgotten: once more
    told_life_ = mark_->life;
  }
  source_lost_ = false;
  overflow_ = std::move(watching);
  cursor_ = {.seen = std::move(found.seen), .life = std::move(found.life)};
  cursor_end_ = found.now.xmax;
  const auto at = now();
  {
    detail::scoped_lock lock(mutex_);
    ++stats_.polls;
    stats_.changes += found.changes.size();
    stats_.keys += done.keys;
    stats_.floors += done.floors;
    stats_.overflowed = static_cast<std::uint64_t>(found.overflow);
    if (why) ++stats_.clears[static_cast<std::size_t>(*why)];
    if (!found.changes.empty()) told_after_[samples_++ % told_after_.size()] = at - looked_;
    told_ = looked;
  }
  looked_ = looked;
  if (why)
    options_.log(fmt::format("relay: everything of {} was removed: {}", options_.name_space, name(*why)));
  succeeded();
  if (options_.target != nullptr) co_await move_cursor(at, why || !found.changes.empty());
  co_await maintain(at);
  co_return options_.poll;
}

task<result<void>> relay::worker::move_mark() {
  auto moved = co_await options_.target->advance_watermark(*std::exchange(mark_, std::nullopt));
  if (!moved) co_return std::unexpected(std::move(moved.error()));
  mark_ = std::move(*moved);
  co_return result<void>();
}

task<> relay::worker::move_cursor(time_point at, bool news) {
  cursor_due_ = cursor_due_ || news;
  if (at - cursor_moved_ < (cursor_due_ ? cursor_period : idle_cursor_period)) co_return;
  auto moved = co_await duty_.move(
      {.term = term_, .seen = cursor_.seen, .overflow = overflow_.settled(), .store_life = told_life_});
  cursor_moved_ = at;
  if (moved && *moved) cursor_due_ = false;
  // If not, the next look says so as well.
}

task<> relay::worker::maintain(time_point at) {
  if (at - maintained_ < maintenance_period) co_return;
  maintained_ = at;
  const auto bytes = co_await reader_.maintain();
  if (!bytes) {
    options_.log("relay: the outbox could not be tidied: " + bytes.error().detail);
    co_return;
  }
  detail::scoped_lock lock(mutex_);
  stats_.outbox_bytes = *bytes;
}

duration relay::worker::failed(const error& why) {
  patience_ = std::clamp(2 * patience_, first_patience, most_patience);
  auto words = why.detail;
  if (why.code == errc::statement) words += "; is the outbox installed (strata db install)?";
  bool news = false;
  {
    detail::scoped_lock lock(mutex_);
    ++stats_.failures;
    news = stats_.trouble != words;
    if (news) stats_.trouble = words;
  }
  if (news) options_.log("relay: " + words);
  return patience_;
}

void relay::worker::succeeded() {
  patience_ = duration::zero();
  bool news = false;
  {
    detail::scoped_lock lock(mutex_);
    news = !std::exchange(stats_.trouble, {}).empty();
  }
  if (news) options_.log("relay: goes on");
}

relay_stats relay::worker::stats() const {
  const auto at = now();
  std::vector<duration> spans;
  relay_stats out;
  {
    detail::scoped_lock lock(mutex_);
    out = stats_;
    out.lag = at - told_;
    spans.assign(told_after_.begin(),
                 told_after_.begin() + static_cast<std::ptrdiff_t>(std::min(samples_, told_after_.size())));
  }
  if (!spans.empty()) {
    std::ranges::sort(spans);
    out.told_after_p50 = spans[spans.size() / 2];
    out.told_after_p99 = spans[spans.size() * 99 / 100];
  }
  return out;
}

}  // namespace strata
