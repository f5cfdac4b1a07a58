#include "redis/topology/cluster.hpp"

#include "async/gather.hpp"
#include "redis/topology/memory_policy.hpp"
#include "redis/topology/single_node.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>

namespace strata::redis {

/// Outlives its owner, for work that was posted and comes too late.
struct cluster::alive {
  std::atomic<bool> ended = false;
};

namespace {

void check(const cluster_options& with) {
  std::vector<std::string> problems;
  if (with.seeds.empty()) problems.emplace_back("seeds must name at least one node");
  if (with.patience <= duration::zero()) problems.emplace_back("patience must be more than zero");
  if (with.refresh <= duration::zero()) problems.emplace_back("refresh must be more than zero");
  if (!problems.empty()) throw bad_options(std::move(problems));
}

task<result<node_answer>> ask_seed(client& seed, time_point deadline) {
  const auto at = seed.at();
  auto replies = co_await seed.execute_many(node_question(), {.deadline = deadline, .retryable = true});
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  auto read = read_node_answer(*replies, at);
  if (!read) read.error().detail = to_text(at) + ": " + read.error().detail;
  co_return read;
}

task<result<void>> as_taken(cluster_node& of) {
  const auto same = co_await of.is_as_taken();
  if (!same) co_return std::unexpected(same.error());
  if (!*same) co_return fail(errc::store_unavailable, "store: the masters of the cluster may be others now");
  co_return result<void>();
}

/// The first error, if there is one.
result<void> all_well(const std::vector<result<void>>& ended) {
  for (const auto& each : ended) {
    if (!each) return each;
  }
  return {};
}

}  // namespace

cluster::cluster(runtime& on, cluster_options with, client_options connection, push_subscription subscription,
                 topology_observer& observer, const clock& time)
    : runtime_(on),
      options_(std::move(with)),
      connection_(std::move(connection)),
      subscription_(std::move(subscription)),
      observer_(observer),
      time_(time),
      alive_(std::make_shared<alive>()),
      where_(first_thread()) {
}

executor& cluster::first_thread() {
  check(options_);
  detail::scoped_lock lock(mutex_);
  fill_seeds();
  return seeds_.front()->where();
}

void cluster::fill_seeds() {
  if (!seeds_.empty()) return;
  for (const auto& each : options_.seeds) {
    auto with = connection_;
    with.at = each;
    seeds_.push_back(std::make_unique<client>(runtime_, std::move(with), nullptr, time_));
  }
}

void cluster::stop() {
  alive_->ended = true;
  std::shared_ptr<const layout> last;
  std::vector<std::unique_ptr<client>> seeds;
  {
    detail::scoped_lock lock(mutex_);
    stopped_ = true;
    last = std::exchange(layout_, nullptr);
    seeds.swap(seeds_);
  }
  for (const auto& each : seeds) each->close();
  if (last == nullptr) return;
  for (const auto& each : last->masters) each->over().close();
}

void cluster::post(std::move_only_function<void()> work) {
  // What runs when `stop` begins is over when it has closed the first client, on this same thread.
  where_.post([state = alive_, work = std::move(work)]() mutable {
    if (!state->ended) work();
  });
}

std::shared_ptr<const cluster::layout> cluster::now() const {
  detail::scoped_lock lock(mutex_);
  return layout_;
}

std::string cluster::view() const {
  detail::scoped_lock lock(mutex_);
  // One that nobody has: not empty, which would be any.
  return view_.empty() ? "none" : view_;
}

std::optional<std::string> cluster::away() const {
  detail::scoped_lock lock(mutex_);
  if (!view_.empty() || trouble_.empty()) return std::nullopt;
  return trouble_;
}

void cluster::tick() {
  bool due = false;
  {
    detail::scoped_lock lock(mutex_);
    due = wanted_ || view_.empty();
  }
  if (due) ask_anew();
}

void cluster::ask_anew() {
  {
    detail::scoped_lock lock(mutex_);
    wanted_ = true;
    if (stopped_ || asking_ || time_.now() < not_before_) return;  // with one of the next ticks
    asking_ = true;
  }
  post([this] { start(nullptr, ask_all(), [](const completion<void>&) {}); });
}

task<> cluster::ask_all() {
  std::vector<node> asked;
  std::vector<task<result<node_answer>>> questions;
  {
    detail::scoped_lock lock(mutex_);
    wanted_ = false;
    const auto asked_at = time_.now();
    not_before_ = asked_at + options_.refresh;
    const auto deadline = asked_at + options_.patience;
    if (layout_) {
      for (const auto& each : layout_->masters) {
        if (!each->run_id()) continue;
        asked.push_back(each);
        questions.push_back(each->ask(deadline));
      }
    }
    for (const auto& each : seeds_) questions.push_back(ask_seed(*each, deadline));
  }
  auto answers = co_await detail::gather(std::move(questions));
  take(asked, std::move(answers));
}

std::shared_ptr<const cluster::layout> cluster::laid_out(cluster_map map) {
  auto made = std::make_shared<layout>();
  node_observer& me = *this;
  for (const auto& each : map.masters()) {
    const auto is_it = [&](const node& known) { return known->who() == each; };
    if (layout_) {
      const auto known = std::ranges::find_if(layout_->masters, is_it);
      if (known != layout_->masters.end()) {
        made->masters.push_back(*known);
        continue;
      }
    }
    auto with = connection_;
    auto channel = subscription_.channel + ':' + each.id;
    with.setup = subscription_.setup(channel);
    made->masters.push_back(
        std::make_shared<cluster_node>(runtime_, std::move(with), each, std::move(channel), me, time_));
  }
  made->map = std::move(map);
  return made;
}

void cluster::take(const std::vector<node>& asked, std::vector<result<node_answer>> answers) {
  const node_answer* newest = nullptr;
  std::string trouble;
  for (const auto& each : answers) {
    if (!each) {
      if (trouble.size() < 500) trouble += (trouble.empty() ? "" : "; ") + each.error().detail;
    } else if (newest == nullptr || newest->map.newest() < each->map.newest()) {
      newest = &*each;
    }
  }
  std::vector<node> gone;
  {
    detail::scoped_lock lock(mutex_);
    asking_ = false;
    if (stopped_) return;
    if (newest == nullptr) {
      trouble_ = "store: no node tells the map of the cluster: " + trouble;
      return;
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (answers[i]) asked[i]->taken(answers[i]->epoch);
    }
    const auto before = std::exchange(layout_, laid_out(newest->map));
    if (before) {
      for (const auto& each : before->masters) {
        if (std::ranges::find(layout_->masters, each) == layout_->masters.end()) gone.push_back(each);
      }
    }
  }
  for (const auto& each : gone) each->over().close();
  settle(true);
}

std::optional<std::string> cluster::missing_of(const layout& of) {
  for (const auto& each : of.masters) {
    if (each->run_id()) continue;
    const auto words = each->over().trouble();
    return fmt::format("store: the master at {} is not there{}{}", to_text(each->who().at),
                       words.empty() ? "" : ": ", words);
  }
  if (!of.map.complete()) return "store: some slots of the cluster have no master";
  return std::nullopt;
}

/// The ids are sorted, for the map's masters are.
std::string cluster::view_of(const layout& of) {
  std::string all;
  for (const auto& each : of.masters) {
    all.append(each->who().id).append(" ").append(each->run_id().value_or("")).append("\n");
  }
  return sha1(all);
}

void cluster::settle(bool just_asked) {
  std::vector<std::unique_ptr<client>> done_with;
  std::uint64_t ended = 0;
  std::uint64_t begun = 0;
  std::string view;
  error why{errc::store_unavailable, "store: the masters of the cluster are others now"};
  {
    detail::scoped_lock lock(mutex_);
    if (stopped_ || !layout_) return;
    const auto missing = missing_of(*layout_);
    if (!missing) view = view_of(*layout_);
    if (missing) why.detail = *missing;
    if (!view_.empty() && view_ != view) {
      ended = session_;
      view_.clear();
      fill_seeds();
    }
    if (view_.empty()) {
      asked_ = just_asked || (asked_ && ended == 0);
      trouble_ = missing.value_or("");
      if (!missing && asked_) {
        view_ = view;
        begun = ++session_;
        done_with.swap(seeds_);
      }
    }
  }
  if (ended != 0) observer_.session_lost(ended, why);
  if (begun != 0) observer_.session_began(begun, view);
}

void cluster::outdated(std::uint64_t session) {
  const error why{errc::store_unavailable, "store: somebody knows other masters of the cluster than we do"};
  {
    detail::scoped_lock lock(mutex_);
    if (stopped_ || view_.empty() || session_ != session) return;
    view_.clear();
    asked_ = false;
    trouble_ = why.detail;
    fill_seeds();
  }
  observer_.session_lost(session, why);
  ask_anew();
}

std::uint64_t cluster::session() const {
  detail::scoped_lock lock(mutex_);
  return session_;
}

void cluster::node_pushed(resp::value message) {
  observer_.pushed(std::move(message));
}

task<result<void>> cluster::are_fit() {
  std::vector<task<result<void>>> questions;
  const auto all = now();
  if (!all) co_return fail(errc::store_unavailable, "the store is closed");
  for (const auto& each : all->masters) questions.push_back(check_memory_policy(each->over()));
  co_return all_well(co_await detail::gather(std::move(questions)));
}

task<result<void>> cluster::all_answer() {
  std::vector<task<result<void>>> questions;
  const auto all = now();
  if (!all) co_return fail(errc::store_unavailable, "the store is closed");
  for (const auto& each : all->masters) questions.push_back(as_taken(*each));
  auto ended = all_well(co_await detail::gather(std::move(questions)));
  if (!ended) ask_anew();
  co_return ended;
}

std::string cluster::address_text() const {
  std::string out;
  const auto add = [&](const address& each) { out += (out.empty() ? "" : ",") + to_text(each); };
  if (const auto all = now()) {
    for (const auto& each : all->masters) add(each->who().at);
  } else {
    for (const auto& each : options_.seeds) add(each);
  }
  return out;
}

void cluster::count(store_health& into) const {
  detail::scoped_lock lock(mutex_);
  for (const auto& each : seeds_) add_counts(*each, into);
  if (!layout_) return;
  for (const auto& each : layout_->masters) add_counts(each->over(), into);
}

}  // namespace strata::redis
