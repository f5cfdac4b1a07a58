#include "redis/topology/sentinels.hpp"

#include "core/option_problems.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace strata::redis {

namespace {

/// The most sentinels that are asked; a group has three to seven.
constexpr std::size_t max_sentinels = 32;

void check(const sentinel_options& with) {
  detail::option_problems problems;
  if (with.sentinels.empty()) problems.add("sentinels must name at least one");
  if (with.group.empty()) problems.add("group must name the master that the sentinels watch");
  if (with.patience <= duration::zero()) problems.add("patience must be more than zero");
  problems.throw_if_any();
}

using replies = result<std::vector<reply>>;

/// Collects the answers of all sentinels until the last has arrived.
struct inquiry {
  explicit inquiry(std::size_t asked) : left(asked) {}

  void take(const address& from, const completion<replies>& said, const std::string& group) {
    if (note(from, said, group)) done.set();  // without the lock: the waiter resumes here
  }
  /// Returns whether it was the last answer.
  bool note(const address& from, const completion<replies>& said, const std::string& group) {
    auto read = said && *said ? read_answer(**said, group)
                              : fail(errc::store_unavailable, said ? said->error().detail : "failed");
    detail::scoped_lock lock(mutex);
    if (read) {
      read->others.push_back(from);  // a sentinel does not name itself
      if (!newest || newest->epoch < read->epoch) newest = std::move(*read);
    } else {
      trouble += fmt::format("{}{}: {}", trouble.empty() ? "" : "; ", to_text(from), read.error().detail);
    }
    return --left == 0;
  }

  detail::mutex mutex;
  std::size_t left STRATA_GUARDED_BY(mutex);
  std::optional<sentinel_answer> newest STRATA_GUARDED_BY(mutex);
  std::string trouble STRATA_GUARDED_BY(mutex);
  async_latch done;
};

}  // namespace

/// One sentinel, and the connection on which it publishes failovers.
class sentinels::watcher final : public client_observer {
 public:
  watcher(sentinels& owner, const address& at)
      : owner_(owner), at_(at), client_(owner.runtime_, options(owner.options_, at), this, owner.time_) {}

  const address& at() const noexcept { return at_; }

  task<replies> ask() {
    return client_.execute_many(
        sentinel_question(owner_.options_.group),
        {.deadline = owner_.time_.now() + owner_.options_.patience, .retryable = true});
  }

  result<void> connected(const connection_info& about) override {
    if (about.mode != "sentinel") {
      return fail(errc::store_unavailable, fmt::format("Redis at {} is not a sentinel", to_text(at_)));
    }
    owner_.may_have_moved();
    return {};
  }
  void lost(std::uint64_t, const error&) override {}
  void pushed(resp::value message) override {
    if (is_failover(message, owner_.options_.group)) owner_.may_have_moved();
  }

 private:
  static client_options options(const sentinel_options& with, const address& at) {
    client_options out;
    out.at = at;
    out.login = with.login;
    out.tls = with.tls;
    out.setup = sentinel_subscription();
    return out;
  }

  sentinels& owner_;
  const address at_;
  client client_;
};

sentinels::sentinels(runtime& on, sentinel_options with, const clock& time)
    : runtime_(on), options_(std::move(with)), time_(time) {
  check(options_);
  watch({});
}

sentinels::~sentinels() {
  stop();
}

void sentinels::stop() {
  std::vector<std::unique_ptr<watcher>> ending;
  detail::scoped_lock lock(mutex_);
  stopped_ = true;
  guided_ = nullptr;
  ending.swap(watchers_);
}

task<result<address>> sentinels::master() {
  std::vector<std::pair<address, task<replies>>> questions;
  {
    detail::scoped_lock lock(mutex_);
    for (const auto& each : watchers_) questions.emplace_back(each->at(), each->ask());
  }
  if (questions.empty()) co_return fail(errc::store_unavailable, "the store is closed");
  const auto asked = std::make_shared<inquiry>(questions.size());
  for (auto& [sentinel, question] : questions) {
    start(nullptr, std::move(question),
          [asked, from = std::move(sentinel), group = options_.group](const completion<replies>& said) {
            asked->take(from, said, group);
          });
  }
  co_await asked->done.wait();
  std::optional<sentinel_answer> newest;
  std::string trouble;
  {
    detail::scoped_lock lock(asked->mutex);
    newest = std::move(asked->newest);
    trouble = std::move(asked->trouble);
  }
  if (!newest) co_return fail(errc::store_unavailable, "no sentinel named the master: " + trouble);
  watch(newest->others);
  co_return std::move(newest->master);
}

void sentinels::guide(client& over) {
  {
    detail::scoped_lock lock(mutex_);
    guided_ = &over;
  }
  may_have_moved();
}

/// Starts a task, since the caller may be a client's thread in the middle of its work.
void sentinels::may_have_moved() {
  client* over = nullptr;
  {
    detail::scoped_lock lock(mutex_);
    over = guided_;
  }
  if (over != nullptr) start(nullptr, follow(*over), [](const completion<void>&) {});
}

task<> sentinels::follow(client& over) {
  const auto now = co_await master();
  if (!now) co_return;
  const auto at = over.at();
  if (*now == at) co_return;
  over.renew({errc::store_unavailable,
              fmt::format("Redis at {} is no longer the master; {} is", to_text(at), to_text(*now))});
}

/// Connects to the configured sentinels and `others`, and to no other from now on.
void sentinels::watch(const std::vector<address>& others) {
  auto wanted = options_.sentinels;
  wanted.insert(wanted.end(), others.begin(), others.end());
  std::vector<std::unique_ptr<watcher>> gone;
  detail::scoped_lock lock(mutex_);
  if (stopped_) return;
  const auto wants = [&](const auto& each) { return std::ranges::find(wanted, each->at()) != wanted.end(); };
  const auto unwanted = std::ranges::partition(watchers_, wants);
  std::ranges::move(unwanted, std::back_inserter(gone));
  watchers_.erase(unwanted.begin(), unwanted.end());
  for (const auto& each : wanted) {
    const bool is_new =
        std::ranges::none_of(watchers_, [&](const auto& known) { return known->at() == each; });
    if (is_new && watchers_.size() < max_sentinels)
      watchers_.push_back(std::make_unique<watcher>(*this, each));
  }
}

std::vector<address> sentinels::known() const {
  std::vector<address> out;
  detail::scoped_lock lock(mutex_);
  for (const auto& each : watchers_) out.push_back(each->at());
  return out;
}

}  // namespace strata::redis
