#include "redis/topology/cluster_membership.hpp"

#include "async/gather.hpp"
#include "core/option_problems.hpp"
#include "redis/format/scripts.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>

namespace strata::redis {

/// Outlives its owner, for posted work that runs too late.
struct cluster_membership::alive {
  std::atomic<bool> ended = false;
};

namespace {

void check(const cluster_options& with) {
  detail::option_problems problems;
  if (with.seeds.empty()) problems.add("seeds must name at least one node");
  if (with.patience <= duration::zero()) problems.add("patience must be more than zero");
  if (with.refresh <= duration::zero()) problems.add("refresh must be more than zero");
  problems.throw_if_any();
}

task<result<node_answer>> ask_seed(client& seed, time_point deadline) {
  const auto at = seed.at();
  auto replies = co_await seed.execute_many(node_question(), {.deadline = deadline, .retryable = true});
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  auto read = read_node_answer(*replies, at);
  if (!read) read.error().detail = to_text(at) + ": " + read.error().detail;
  co_return read;
}

}  // namespace

node_ptr cluster_layout::owner(std::uint16_t slot) const {
  const auto index = map.owner(slot);
  return index == cluster_map::no_owner ? nullptr : masters[index];
}

node_ptr cluster_layout::find(const redirection& to, const cluster_node& from) const {
  const auto& host = to.host.empty() ? from.identity().at.host : to.host;
  const auto found = std::ranges::find_if(
      masters, [&](const node_ptr& each) { return each->identity().is_at(host, to.port); });
  return found == masters.end() ? nullptr : *found;
}

cluster_membership::cluster_membership(runtime& on, cluster_options with, client_options connection,
                                       push_subscription subscription, topology_observer& observer,
                                       const clock& time)
    : runtime_(on),
      options_(std::move(with)),
      connection_(std::move(connection)),
      subscription_(std::move(subscription)),
      observer_(observer),
      time_(time),
      alive_(std::make_shared<alive>()),
      executor_(first_executor()) {
}

executor& cluster_membership::first_executor() {
  check(options_);
  detail::scoped_lock lock(mutex_);
  open_seeds();
  return seeds_.front()->get_executor();
}

void cluster_membership::open_seeds() {
  if (!seeds_.empty()) return;
  for (const auto& each : options_.seeds) {
    auto with = connection_;
    with.at = each;
    seeds_.push_back(std::make_unique<client>(runtime_, std::move(with), nullptr, time_));
  }
}

void cluster_membership::stop() {
  alive_->ended = true;
  std::shared_ptr<const cluster_layout> last;
  std::vector<std::unique_ptr<client>> seeds;
  {
    detail::scoped_lock lock(mutex_);
    stopped_ = true;
    last = std::exchange(layout_, nullptr);
    seeds.swap(seeds_);
  }
  for (const auto& each : seeds) each->close();
  if (last == nullptr) return;
  for (const auto& each : last->masters) each->connection().close();
}

void cluster_membership::post(std::move_only_function<void()> work) {
  // Work that runs while `stop` begins ends before it has closed the first client, on this same thread.
  executor_.post([state = alive_, work = std::move(work)]() mutable {
    if (!state->ended) work();
  });
}

std::shared_ptr<const cluster_layout> cluster_membership::current_layout() const {
  detail::scoped_lock lock(mutex_);
  return layout_;
}

std::string cluster_membership::view() const {
  detail::scoped_lock lock(mutex_);
  return view_.empty() ? "none" : view_;  // not empty, which would accept any view
}

std::optional<std::string> cluster_membership::unreachable_reason() const {
  detail::scoped_lock lock(mutex_);
  if (!view_.empty() || trouble_.empty()) return std::nullopt;
  return trouble_;
}

void cluster_membership::tick() {
  bool due = false;
  {
    detail::scoped_lock lock(mutex_);
    due = refresh_due_ || view_.empty();
  }
  if (due) refresh();
}

void cluster_membership::refresh() {
  {
    detail::scoped_lock lock(mutex_);
    refresh_due_ = true;
    if (stopped_ || refreshing_ || time_.now() < next_refresh_) return;  // with one of the next ticks
    refreshing_ = true;
  }
  post([this] { start(nullptr, ask_all(), [](const completion<void>&) {}); });
}

task<> cluster_membership::ask_all() {
  std::vector<node_ptr> asked;
  std::vector<task<result<node_answer>>> questions;
  {
    detail::scoped_lock lock(mutex_);
    refresh_due_ = false;
    const auto asked_at = time_.now();
    next_refresh_ = asked_at + options_.refresh;
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
  apply(asked, std::move(answers));
}

task<result<std::vector<node_answer>>> cluster_membership::ask_masters() {
  const auto all = current_layout();
  if (!all) co_return fail(errc::store_unavailable, "the store is closed");
  std::vector<task<result<node_answer>>> questions;
  const auto deadline = time_.now() + options_.patience;
  for (const auto& each : all->masters) questions.push_back(each->ask(deadline));
  std::vector<node_answer> out;
  for (auto& each : co_await detail::gather(std::move(questions))) {
    if (!each) co_return std::unexpected(std::move(each.error()));
    out.push_back(std::move(*each));
  }
  co_return out;
}

std::shared_ptr<const cluster_layout> cluster_membership::make_layout(cluster_map map) {
  auto out = std::make_shared<cluster_layout>();
  node_observer& me = *this;
  for (const auto& each : map.masters()) {
    const auto is_it = [&](const node_ptr& known) { return known->identity() == each; };
    if (layout_) {
      const auto known = std::ranges::find_if(layout_->masters, is_it);
      if (known != layout_->masters.end()) {
        out->masters.push_back(*known);
        continue;
      }
    }
    auto with = connection_;
    auto channel = subscription_.channel + ':' + each.id;
    with.setup = subscription_.setup(channel);
    out->masters.push_back(
        std::make_shared<cluster_node>(runtime_, std::move(with), each, std::move(channel), me, time_));
  }
  out->map = std::move(map);
  return out;
}

void cluster_membership::apply(const std::vector<node_ptr>& asked, std::vector<result<node_answer>> answers) {
  const node_answer* newest = nullptr;
  std::string trouble;
  for (const auto& each : answers) {
    if (!each) {
      if (trouble.size() < 500) trouble += (trouble.empty() ? "" : "; ") + each.error().detail;
    } else if (newest == nullptr || newest->map.newest() < each->map.newest()) {
      newest = &*each;
    }
  }
  std::vector<node_ptr> gone;
  {
    detail::scoped_lock lock(mutex_);
    refreshing_ = false;
    if (stopped_) return;
    if (newest == nullptr) {
      trouble_ = "store: no node returned the map of the cluster: " + trouble;
      return;
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (answers[i]) asked[i]->map_applied(answers[i]->epoch);
    }
    const auto before = std::exchange(layout_, make_layout(newest->map));
    if (before) {
      for (const auto& each : before->masters) {
        if (std::ranges::find(layout_->masters, each) == layout_->masters.end()) gone.push_back(each);
      }
    }
  }
  for (const auto& each : gone) each->connection().close();
  update_session(true);
}

std::optional<std::string> cluster_membership::missing_in(const cluster_layout& of) {
  for (const auto& each : of.masters) {
    if (each->run_id()) continue;
    const auto words = each->connection().trouble();
    return fmt::format("store: the master at {} is not connected{}{}", to_text(each->identity().at),
                       words.empty() ? "" : ": ", words);
  }
  if (!of.map.complete()) return "store: some slots of the cluster have no master";
  return std::nullopt;
}

/// The ids are sorted, for the map's masters are.
std::string cluster_membership::view_of(const cluster_layout& of) {
  std::string all;
  for (const auto& each : of.masters) {
    all.append(each->identity().id).append(" ").append(each->run_id().value_or("")).append("\n");
  }
  return sha1(all);
}

void cluster_membership::update_session(bool just_asked) {
  std::vector<std::unique_ptr<client>> unneeded;
  std::uint64_t ended = 0;
  std::uint64_t begun = 0;
  std::string view;
  error why{errc::store_unavailable, "store: the masters of the cluster have changed"};
  {
    detail::scoped_lock lock(mutex_);
    if (stopped_ || !layout_) return;
    const auto missing = missing_in(*layout_);
    if (!missing) view = view_of(*layout_);
    if (missing) why.detail = *missing;
    if (!view_.empty() && view_ != view) {
      ended = session_;
      view_.clear();
      open_seeds();
    }
    if (view_.empty()) {
      refreshed_ = just_asked || (refreshed_ && ended == 0);
      trouble_ = missing.value_or("");
      if (!missing && refreshed_) {
        view_ = view;
        begun = ++session_;
        unneeded.swap(seeds_);
      }
    }
  }
  if (ended != 0) observer_.session_lost(ended, why);
  if (begun != 0) observer_.session_began(begun, view);
}

void cluster_membership::view_is_outdated(std::uint64_t session) {
  post([this, session] {
    const error why{errc::store_unavailable, "store: another process knows newer masters of the cluster"};
    {
      detail::scoped_lock lock(mutex_);
      if (stopped_ || view_.empty() || session_ != session) return;
      view_.clear();
      refreshed_ = false;
      trouble_ = why.detail;
      open_seeds();
    }
    observer_.session_lost(session, why);
    refresh();
  });
}

std::uint64_t cluster_membership::session() const {
  detail::scoped_lock lock(mutex_);
  return session_;
}

std::string cluster_membership::address_text() const {
  std::string out;
  const auto add = [&](const address& each) { out += (out.empty() ? "" : ",") + to_text(each); };
  if (const auto all = current_layout()) {
    for (const auto& each : all->masters) add(each->identity().at);
  } else {
    for (const auto& each : options_.seeds) add(each);
  }
  return out;
}

void cluster_membership::add_counts(store_health& health) const {
  detail::scoped_lock lock(mutex_);
  for (const auto& each : seeds_) add_client_counts(*each, health);
  if (!layout_) return;
  for (const auto& each : layout_->masters) add_client_counts(each->connection(), health);
}

}  // namespace strata::redis
