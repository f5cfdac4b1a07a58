#include "relay/relay_worker.hpp"

#include "async/timed_wait.hpp"
#include "engine/mutation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata {

namespace {

using namespace std::chrono_literals;

/// Above this, removing everything is cheaper.
constexpr int max_changes = 50'000;
/// How often the cursor is saved: the most that the next leader has to repeat.
constexpr duration cursor_period = 100ms;
constexpr duration idle_cursor_period = 5s;
constexpr duration maintenance_period = 10s;
constexpr duration check_period = 5s;  // a few milliseconds of the database's time
constexpr duration first_retry_delay = 10ms;
/// Without changes for this long, the turns become rarer, by this factor at most.
constexpr duration quiet_after = 1s;
constexpr int quiet_factor = 5;
constexpr duration longest_retry_delay = 250ms;

}  // namespace

relay::worker::worker(relay_options options)
    : options_(std::move(options)),
      name_space_(options_.target ? options_.target->name_space() : std::string_view()),
      reader_(options_.source),
      leadership_(options_.source, name_space_),
      leader_(options_.takeover),
      source_watermark_(options_.time->now()) {
  stats_.active = options_.local != nullptr;
}

void relay::worker::begin() {
  last_applied_ = changed_at_ = now();
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
    const bool waits = options_.target != nullptr && !leads_;
    auto next = waits ? watch_leader() : run_turn();
    const auto due = began + co_await std::move(next);
    if (now() < due) co_await detail::timed_wait(stop_, *options_.timer, due);
  }
}

task<duration> relay::worker::watch_leader() {
  auto found = co_await options_.target->read_watermark();
  const auto at = now();
  if (!found) {
    leader_.restart();
    co_return failed(found.error());
  }
  succeeded();
  if (!leader_.looked(at, *found)) co_return leader_.interval_at(at);
  auto taking = take_over();
  co_return co_await std::move(taking);
}

task<duration> relay::worker::take_over() {
  auto taken = co_await leadership_.claim();
  if (!taken) co_return failed(taken.error());
  leader_.restart();
  if (taken->term == 0) co_return leader_.interval_at(now());
  leads_ = true;
  changed_at_ = now();
  term_ = taken->term;
  cursor_ = {.seen = std::move(taken->seen), .life = std::move(taken->life)};
  const auto seen = detail::parse_snapshot(cursor_.seen);
  cursor_end_ = seen ? seen->xmax : 0;
  overflow_ = relay_detail::overflow_watch(taken->overflow);
  applied_life_ = std::move(taken->store_life);
  watermark_.reset();
  applied_.clear();
  {
    detail::scoped_lock lock(mutex_);
    stats_.active = true;
    ++stats_.takeovers;
  }
  options_.log(log_level::info, fmt::format("relay: leads for {}, term {}", name_space_, term_));
  co_return duration::zero();
}

void relay::worker::stand_down(std::string_view why) {
  leads_ = false;
  leader_.restart();
  {
    detail::scoped_lock lock(mutex_);
    stats_.active = false;
  }
  options_.log(log_level::info, fmt::format("relay: no longer leads: {}", why));
}

task<duration> relay::worker::run_turn() {
  if (options_.target != nullptr && !watermark_) {
    auto found = co_await options_.target->read_watermark();
    if (!found) co_return failed(found.error());
    watermark_ = std::move(*found);
  }
  const bool replay = watermark_ && watermark_->life != applied_life_ && !cursor_.seen.empty() &&
                      !detail::mutated(detail::mutation::replay_off);
  auto from = cursor_;
  store_lost_ = false;
  if (replay) {
    auto held = applied_.applied_before(watermark_->value);
    store_lost_ = !held;
    if (held) from.seen = std::move(*held);
  }
  const auto polled = now();
  auto found = co_await reader_.poll(name_space_, std::move(from), max_changes);
  if (!found) co_return failed(found.error());
  if (found->life.empty()) {
    auto begun = co_await reader_.begin_life();
    if (!begun) co_return failed(begun.error());
  }
  if (options_.target != nullptr && found->term != term_) {
    source_lost_ = !found->term;
    if (found->term && retry_delay_ == duration::zero()) leader_.replaced_at(now());
    stand_down(found->term ? "another process has taken over" : "PostgreSQL restarted after a crash");
    if (found->term) co_return options_.poll;
    auto taking = take_over();
    co_return co_await std::move(taking);
  }
  if (found->life.empty()) co_return options_.poll;  // the next poll finds the new life, and clears
  auto checked = co_await check_outbox(polled);
  if (!checked) co_return failed(checked.error());
  if (replay) {
    detail::scoped_lock lock(mutex_);
    ++stats_.replays;
  }
  auto publishing = publish(std::move(*found), polled);
  co_return co_await std::move(publishing);
}

std::optional<clear_reason> relay::worker::must_clear(const relay_detail::poll_result& found,
                                                      relay_detail::overflow_watch& watching) const {
  std::optional<clear_reason> why;
  if (cursor_.seen.empty()) {
    why = source_lost_ ? clear_reason::source_lost : clear_reason::fresh;
  } else if (found.life != cursor_.life || found.snapshot.xmax < cursor_end_) {
    why = clear_reason::source_lost;
  }
  if (why) watching = relay_detail::overflow_watch();
  if (!why && store_lost_) why = clear_reason::store_lost;
  if (!why && found.too_old) why = clear_reason::too_old;
  if (!why && found.more) why = clear_reason::too_many;
  if (watching.observe(found.overflow, found.snapshot) && !why) why = clear_reason::overflow;
  return why;
}

task<duration> relay::worker::publish(relay_detail::poll_result found, time_point polled) {
  auto watching = overflow_;  // a copy: the state counts only once the changes are applied
  const auto why = must_clear(found, watching);
  if (watching.needs_fence()) {
    const auto fence = co_await reader_.next_transaction();
    if (!fence) co_return failed(fence.error());
    watching.set_fence(*fence, found.snapshot);
  }
  invalidation what;
  what.everything = why.has_value();
  if (!why) {
    auto expanded = co_await reader_.expand(found.changes, what);
    if (!expanded) co_return failed(expanded.error());
  }
  relay_detail::applied_counts counts;
  if (options_.local != nullptr) {
    counts = co_await relay_detail::apply_to(*options_.local, std::move(what));
    coherence_control(*options_.local).trust(polled + options_.bound, polled);
  } else {
    if (!what.empty()) {
      auto applied = co_await relay_detail::apply_to(*options_.target, name_space_, std::move(what));
      if (!applied) {
        if (detail::mutated(detail::mutation::replay_off)) {
          cursor_.seen = found.seen;
          co_await save_cursor(now(), true);
        } else {
          watermark_.reset();
        }
        co_return failed(applied.error());
      }
      counts = *applied;
    }
    auto moved = co_await advance_watermark();
    if (!moved) co_return failed(moved.error());
    if (!watermark_) co_return duration::zero();  // another relay's, or the store has forgotten it: again
    cursor_due_ = cursor_due_ || applied_life_ != watermark_->life;
    applied_life_ = watermark_->life;
    if (why == clear_reason::source_lost) applied_.clear();
    applied_.add(now(), watermark_->value, found.seen);
  }
  source_lost_ = false;
  overflow_ = std::move(watching);
  cursor_ = {.seen = std::move(found.seen), .life = std::move(found.life)};
  cursor_end_ = found.snapshot.xmax;
  const auto at = now();
  {
    detail::scoped_lock lock(mutex_);
    ++stats_.polls;
    stats_.changes += found.changes.size();
    stats_.keys += counts.keys;
    stats_.floors += counts.floors;
    stats_.overflowed = static_cast<std::uint64_t>(found.overflow);
    if (why) ++stats_.clears[static_cast<std::size_t>(*why)];
    if (!found.changes.empty()) delays_[samples_++ % delays_.size()] = at - last_applied_;
    source_watermark_ = polled;
  }
  count_widened(found.changes);
  if (why == clear_reason::overflow) checked_.reset();  // say soon what is wrong
  last_applied_ = polled;
  if (why) {
    const auto cleared = options_.target ? "everything under " + name_space_ : "everything in this process";
    options_.log(log_level::warning, fmt::format("relay: removed {}: {}", cleared, name(*why)));
  }
  succeeded();
  if (why || !found.changes.empty()) changed_at_ = at;
  if (options_.target != nullptr) co_await save_cursor(at, why || !found.changes.empty());
  co_await maintain(at);
  co_return pause_at(at);
}

duration relay::worker::pause_at(time_point at) const {
  if (at - changed_at_ < quiet_after) return options_.poll;
  // Below what makes another relay take over, or a process stop trusting its copies.
  return std::max(options_.poll,
                  std::min({quiet_factor * options_.poll, options_.takeover / 3, options_.bound / 7}));
}

task<result<void>> relay::worker::advance_watermark() {
  auto moved = co_await options_.target->advance_watermark(*std::exchange(watermark_, std::nullopt));
  if (!moved) co_return std::unexpected(std::move(moved.error()));
  watermark_ = std::move(*moved);
  co_return result<void>();
}

task<> relay::worker::save_cursor(time_point at, bool has_changes) {
  cursor_due_ = cursor_due_ || has_changes;
  if (at - cursor_saved_ < (cursor_due_ ? cursor_period : idle_cursor_period)) co_return;
  auto moved = co_await leadership_.save(
      {.term = term_, .seen = cursor_.seen, .overflow = overflow_.settled(), .store_life = applied_life_});
  cursor_saved_ = at;
  if (moved && *moved) cursor_due_ = false;
  // If we were replaced, the next poll reports it too.
}

task<> relay::worker::maintain(time_point at) {
  if (at - maintained_ < maintenance_period) co_return;
  maintained_ = at;
  const auto bytes = co_await reader_.maintain();
  if (!bytes) {
    options_.log(log_level::warning, "relay: maintenance of the outbox failed: " + bytes.error().detail);
    co_return;
  }
  detail::scoped_lock lock(mutex_);
  stats_.outbox_bytes = *bytes;
}

// Most faults let the triggers record wider changes than they should. If they can record none, not even that
// there was one, the relay stops, and no cache trusts what it holds.
task<result<void>> relay::worker::check_outbox(time_point at) {
  if (checked_ && at - *checked_ < check_period) co_return result<void>();
  checked_ = at;
  auto found = co_await reader_.find_problems();
  if (!found) {
    options_.log(log_level::warning, "relay: cannot check the outbox: " + found.error().detail);
    co_return result<void>();
  }
  std::vector<std::string> lines;
  std::string blind;
  for (const auto& each : *found) {
    lines.push_back(fmt::format("the outbox of {}: {}", each.table, each.text));
    if (each.is_blind) blind = lines.back();
  }
  for (const auto& each : lines) {
    if (std::ranges::find(problems_, each) == problems_.end())
      options_.log(log_level::warning, "relay: " + each);
  }
  if (lines.empty() && !problems_.empty()) {
    options_.log(log_level::info, "relay: the outbox records every change exactly again");
    widened_reason_.clear();
  }
  problems_ = std::move(lines);
  {
    detail::scoped_lock lock(mutex_);
    stats_.problems = problems_.size();
  }
  if (blind.empty()) co_return result<void>();
  checked_.reset();
  co_return fail(errc::database_unavailable, blind);
}

void relay::worker::count_widened(const std::vector<relay_detail::change>& changes) {
  std::uint64_t widened = 0;
  std::string reason;
  for (const auto& each : changes) {
    if (each.what != 'w') continue;
    ++widened;
    if (!each.values.empty()) reason = each.values.back().value_or("");
  }
  if (widened == 0) return;
  checked_.reset();  // so that the next turn says what is wrong with the table
  {
    detail::scoped_lock lock(mutex_);
    stats_.widened += widened;
  }
  if (std::exchange(widened_reason_, reason) != reason) {
    options_.log(
        log_level::warning,
        fmt::format("relay: a trigger of the outbox could not read its rows, so it recorded the widest "
                    "change of their table: {}; strata db status says more",
                    reason));
  }
}

duration relay::worker::failed(const error& why) {
  retry_delay_ = std::clamp(2 * retry_delay_, first_retry_delay, longest_retry_delay);
  auto trouble = why.detail;
  if (why.code == errc::statement) trouble += "; is the outbox installed (strata db install)?";
  bool is_new = false;
  {
    detail::scoped_lock lock(mutex_);
    ++stats_.failures;
    is_new = stats_.trouble != trouble;
    if (is_new) stats_.trouble = trouble;
  }
  if (is_new) options_.log(log_level::warning, "relay: " + trouble);
  return retry_delay_;
}

void relay::worker::succeeded() {
  retry_delay_ = duration::zero();
  bool recovered = false;
  {
    detail::scoped_lock lock(mutex_);
    recovered = !std::exchange(stats_.trouble, {}).empty();
  }
  if (recovered) options_.log(log_level::info, "relay: working again");
}

relay_stats relay::worker::stats() const {
  const auto at = now();
  std::vector<duration> delays;
  relay_stats out;
  {
    detail::scoped_lock lock(mutex_);
    out = stats_;
    out.lag = at - source_watermark_;
    delays.assign(delays_.begin(),
                  delays_.begin() + static_cast<std::ptrdiff_t>(std::min(samples_, delays_.size())));
  }
  if (!delays.empty()) {
    std::ranges::sort(delays);
    out.delivered_after_p50 = delays[delays.size() / 2];
    out.delivered_after_p99 = delays[delays.size() * 99 / 100];
  }
  return out;
}

}  // namespace strata
