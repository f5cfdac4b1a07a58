#include "async/timed_wait.hpp"
#include "core/option_problems.hpp"
#include "edge/proof.hpp"
#include "edge/sender_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace strata {

namespace {

using namespace std::chrono_literals;
using edge_detail::delivery;
using edge_detail::most_waiting;
using edge_detail::queued_purge;

constexpr std::array latency_bounds{100ms,  250ms,    500ms,    1000ms,   2500ms,
                                    5000ms, 10'000ms, 60'000ms, 600'000ms};
constexpr duration measure_period = 1s;
constexpr int most_takes = 20;  // transactions in one turn
constexpr int most_probes = 3;  // of one page after one call
constexpr duration probe_pause = 100ms;
constexpr int most_unproven = 5;  // calls, before a purge counts as done without its proof

std::string random_name() {
  std::random_device from;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", from(), from(), from(), from());
}

edge_sender_options checked(edge_sender_options options) {
  detail::option_problems problems;
  problems.require(options.source != nullptr, "edge_sender_options.source must not be null");
  problems.require(!options.edges.empty(), "edge_sender_options.edges names no edge");
  std::set<std::string_view> names;
  for (const auto& each : options.edges) {
    if (each == nullptr) {
      problems.add("edge_sender_options.edges holds null");
    } else if (!names.insert(each->name()).second) {
      problems.add(fmt::format("edge_sender_options.edges names {} twice", each->name()));
    }
  }
  problems.require(options.settle >= 0ms, "edge_sender_options.settle must not be below 0");
  problems.require(options.poll >= 1ms, "edge_sender_options.poll must be at least 1 ms");
  problems.require(options.lease >= 4 * options.poll && options.lease >= 100ms,
                   "edge_sender_options.lease must be at least 100 ms and 4 polls");
  problems.require(options.rate > 0 && options.burst >= 1,
                   "edge_sender_options.rate must be above 0, and burst at least 1");
  problems.require(options.timer != nullptr && options.time != nullptr,
                   "edge_sender_options.timer and time must not be null");
  problems.throw_if_any();
  if (!options.log) options.log = [](log_level, std::string_view) {};
  return options;
}

}  // namespace

edge_sender::worker::worker(edge_sender_options options)
    : options_(std::move(options)), queue_(options_.source, random_name()) {
  for (const auto& each : options_.edges) {
    auto& made = *lanes_.emplace_back(std::make_unique<lane>(each, options_));
    names_.push_back(made.name);
    edge_stats::edge counters{.name = made.name};
    counters.latency.operation = "purge";
    counters.latency.bounds.assign(latency_bounds.begin(), latency_bounds.end());
    counters.latency.counts.resize(latency_bounds.size() + 1);
    const detail::scoped_lock lock(mutex_);
    stats_.edges.push_back(std::move(counters));
  }
  thread_ = std::thread([this] { run(); });
}

edge_sender::worker::~worker() {
  stop();
}

void edge_sender::worker::stop() {
  stop_->set();
  if (options_.http != nullptr) options_.http->stop();
  if (thread_.joinable()) thread_.join();
}

edge_stats edge_sender::worker::stats() const {
  const detail::scoped_lock lock(mutex_);
  return stats_;
}

void edge_sender::worker::run() {
  const auto begin = [this](task<> work) {
    ++running_;
    start(&loop_, std::move(work), [this](const completion<void>&) { --running_; });
  };
  begin(keep_queue());
  for (auto& each : lanes_) begin(serve(*each));
  loop_.run_until([this] { return running_ == 0; });
}

std::size_t edge_sender::worker::waiting() const {
  std::size_t out = 0;
  for (const auto& each : lanes_) out += each->plan.size();
  return out;
}

task<> edge_sender::worker::keep_queue() {
  while (!stop_->is_set()) {
    const auto began = now();
    auto next = turn();
    report(co_await std::move(next));
    const auto pause = failing_ ? std::max<duration>(options_.poll, 500ms) : options_.poll;
    co_await detail::timed_wait(stop_, *options_.timer, began + pause);
  }
  if (holds(now())) (void)co_await queue_.release(token_);  // another process need not wait
}

void edge_sender::worker::report(const result<void>& done) {
  {
    const detail::scoped_lock lock(mutex_);
    stats_.trouble = done ? std::string() : done.error().detail;
    stats_.active = holds(now());
    for (std::size_t i = 0; i < lanes_.size(); ++i) stats_.edges[i].waiting = lanes_[i]->plan.size();
  }
  if (done.has_value() != failing_) return;
  failing_ = !done;
  if (failing_) {
    options_.log(log_level::warning, "edge: cannot read the queue of purges: " + done.error().detail);
  } else {
    options_.log(log_level::info, "edge: the queue of purges can be read again");
  }
}

task<result<void>> edge_sender::worker::turn() {
  const auto found = co_await queue_.look();
  if (!found) co_return std::unexpected(found.error());
  auto holding = hold_lease(found->purges || found->deliveries || waiting() > 0);
  const auto held = co_await std::move(holding);
  if (!held) co_return std::unexpected(held.error());
  if (*held && found->purges) {
    auto taking = take_all();
    auto done = co_await std::move(taking);
    if (!done) co_return done;
  }
  if (found->purges || found->deliveries) {
    auto measuring = measure();
    co_return co_await std::move(measuring);
  }
  const detail::scoped_lock lock(mutex_);
  stats_.queued = 0;
  stats_.oldest = {};
  co_return result<void>();
}

task<result<bool>> edge_sender::worker::hold_lease(bool wanted) {
  const auto at = now();
  if (token_ != 0 && !holds(at)) drop_lease();
  if (!wanted) co_return holds(at);  // without work it just ends: no idle gateway writes
  if (holds(at + options_.lease / 2)) co_return true;
  const auto token = co_await queue_.acquire(options_.lease);
  if (!token) co_return std::unexpected(token.error());
  if (!*token) {
    drop_lease();
    co_return false;
  }
  const bool fresh = **token != token_;
  // Earlier than by the database's clock, which may run a little faster.
  held_until_ = at + options_.lease - options_.lease / 10;
  if (!fresh) co_return true;
  drop_lease();
  token_ = **token;
  auto loading = load_all();
  const auto loaded = co_await std::move(loading);
  if (!loaded) {
    drop_lease();
    co_return std::unexpected(loaded.error());
  }
  options_.log(log_level::debug, fmt::format("edge: sends purges, token {}", token_));
  co_return true;
}

void edge_sender::worker::drop_lease() {
  token_ = 0;
  for (auto& each : lanes_) each->plan.clear();
}

task<result<void>> edge_sender::worker::load_all() {
  for (auto& each : lanes_) {
    auto rows = co_await queue_.load(each->name);
    if (!rows) co_return std::unexpected(rows.error());
    const bool too_many = rows->size() > most_waiting;
    const auto at = now();
    for (auto& row : *rows) each->plan.add(std::move(row), at);
    if (!too_many) continue;
    auto collapsing = collapse(*each);
    auto done = co_await std::move(collapsing);
    if (!done) co_return done;
  }
  co_return result<void>();
}

task<result<void>> edge_sender::worker::collapse(lane& of) {
  auto all = co_await queue_.collapse(token_, of.name);
  if (!all) co_return std::unexpected(all.error());
  if (!*all) {
    drop_lease();
    co_return result<void>();
  }
  of.plan.clear();
  of.plan.add(std::move(**all), now());
  options_.log(log_level::warning,
               fmt::format("edge: more than {} purges wait for {}; it will be purged of everything instead",
                           most_waiting, of.name));
  co_return result<void>();
}

task<result<void>> edge_sender::worker::take_all() {
  for (int i = 0; i < most_takes && !stop_->is_set(); ++i) {
    auto found = co_await queue_.take(token_, names_);
    if (!found) co_return std::unexpected(found.error());
    if (found->lost) {
      drop_lease();
      co_return result<void>();
    }
    if (found->rows.empty()) break;
    const auto at = now();
    for (auto& each : lanes_) {
      for (const auto& row : found->rows) each->plan.add(row, at);
      if (each->plan.size() <= most_waiting) continue;
      auto collapsing = collapse(*each);
      auto done = co_await std::move(collapsing);
      if (!done) co_return done;
    }
  }
  co_return result<void>();
}

task<result<void>> edge_sender::worker::measure() {
  const auto at = now();
  if (measured_ && at < *measured_ + measure_period) co_return result<void>();
  measured_ = at;
  const auto found = co_await queue_.count();
  if (!found) co_return std::unexpected(found.error());
  const detail::scoped_lock lock(mutex_);
  stats_.queued = found->rows;
  stats_.oldest = found->oldest;
  co_return result<void>();
}

task<> edge_sender::worker::serve(lane& of) {
  while (!stop_->is_set()) {
    const auto at = now();
    // A call must not begin shortly before the lease ends.
    if (of.plan.size() > 0 && holds(at + options_.lease / 10) && of.pacing.take(at)) {
      if (auto what = of.plan.next(at, of.client->limits())) {
        auto sending = send(of, std::move(*what));
        co_await std::move(sending);
        continue;
      }
      of.pacing.put_back();
    }
    co_await detail::timed_wait(stop_, *options_.timer, at + std::min<duration>(options_.poll, 20ms));
  }
}

task<> edge_sender::worker::send(lane& of, delivery what) {
  const auto generation = of.plan.generation();
  const auto token = token_;
  const auto called = now();
  const auto count = what.seen.size();
  auto batch = what.batch;
  auto calling = of.client->purge(std::move(batch));
  auto outcome = co_await std::move(calling);
  bool proven = true;
  if (outcome.done()) {
    auto proving = prove(of, what, called);
    const auto shown = co_await std::move(proving);
    proven = shown != proof::missing;
    if (!proven) outcome.trouble = of.name + " still shows a response from before the purge";
  }
  if (of.plan.generation() != generation) co_return;  // the lease is lost; its next holder sends again
  bool removed = false;
  if (outcome.done()) {
    auto removing = queue_.remove(token, of.name, what.ids);
    const auto done = co_await std::move(removing);
    if (of.plan.generation() != generation) co_return;
    removed = done.has_value() && *done;
    if (done.has_value() && !*done) co_return drop_lease();
  }
  const auto at = now();
  if (removed) {
    of.plan.succeeded();
    of.pacing.succeeded();
  } else {
    of.plan.failed();
    of.pacing.failed(at, outcome.retry_after);
  }
  bool first_failure = false;
  bool recovered = false;
  {
    const detail::scoped_lock lock(mutex_);
    for (auto& each : stats_.edges) {
      if (each.name != of.name) continue;
      ++each.calls;
      (removed ? each.purged : each.failed) += count;
      if (!proven) each.unproven += count;
      recovered = removed && !each.trouble.empty();
      first_failure = each.trouble.empty() && !outcome.done();
      each.trouble = outcome.trouble;
      each.waiting = of.plan.size();
      if (!removed) break;
      for (const auto seen : what.seen) {
        const auto took = at - seen;
        const auto bucket = std::ranges::lower_bound(each.latency.bounds, took) - each.latency.bounds.begin();
        ++each.latency.counts[static_cast<std::size_t>(bucket)];
        each.latency.sum += took;
      }
    }
  }
  if (first_failure)
    options_.log(log_level::warning, "edge: a purge failed and is repeated: " + outcome.trouble);
  if (recovered) options_.log(log_level::info, fmt::format("edge: {} accepts purges again", of.name));
}

task<edge_sender::worker::proof> edge_sender::worker::prove(lane& of, const delivery& what,
                                                            time_point called) {
  std::string page;
  for (const auto& each : what.batch.values) {
    if (options_.page && page.empty()) page = options_.page(what.batch.kind, each);
  }
  if (what.batch.kind == edge_purge_kind::everything && options_.page) {
    page = options_.page(what.batch.kind, {});
  }
  if (page.empty() || options_.http == nullptr) co_return proof::given;
  const auto covered =
      options_.time->wall() - std::chrono::duration_cast<std::chrono::milliseconds>(now() - what.covered);
  const auto address = of.client->page_address(page);
  for (int i = 0; i < most_probes; ++i) {
    edge_request probe{.method = "GET", .url = address, .fields = {}, .body = {}};
    if (address != page) {  // a server of its own, under the public name
      const std::string_view rest = std::string_view(page).substr(page.find("://") + 3);
      probe.fields.emplace_back("Host", std::string(rest.substr(0, rest.find('/'))));
    }
    auto asking = options_.http->send(std::move(probe));
    const auto shown = co_await std::move(asking);
    if (edge_detail::proves(shown, covered, now() - called)) {
      of.unproven = 0;
      co_return proof::given;
    }
    if (stop_->is_set()) break;
    co_await detail::timed_wait(stop_, *options_.timer, now() + probe_pause);
  }
  if (++of.unproven < most_unproven) co_return proof::missing;
  of.unproven = 0;
  options_.log(
      log_level::error,
      fmt::format("edge: {} has accepted a purge {} times, but {} still shows a response from before it; "
                  "check that it keeps the field {} and that edge.probe names this edge",
                  of.name, most_unproven, page, edge_asof_field));
  co_return proof::given_up;
}

edge_sender::edge_sender(edge_sender_options options)
    : worker_(std::make_unique<worker>(checked(std::move(options)))) {
}
edge_sender::~edge_sender() = default;

void edge_sender::stop() {
  worker_->stop();
}

edge_stats edge_sender::stats() const {
  return worker_->stats();
}

}  // namespace strata
