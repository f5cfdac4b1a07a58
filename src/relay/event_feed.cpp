#include <strata/event_feed.hpp>

#include "async/timed_wait.hpp"
#include "core/mutex.hpp"
#include "core/option_problems.hpp"
#include "relay/event_lanes.hpp"
#include "relay/event_reader.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <utility>

namespace strata {

namespace {

using namespace std::chrono_literals;

/// How often the cursor of a named feed is written down, and how much more seldom if nothing happens.
constexpr duration cursor_period = 1s;
constexpr int idle_factor = 30;
constexpr duration most_patience = 1s;

event_feed_options checked(event_feed_options options) {
  detail::option_problems problems;
  if (options.source == nullptr) {
    problems.add("event_feed_options.source must not be null");
  } else if (options.source->dialect() != "postgres") {
    problems.add("event_feed_options.source must be PostgreSQL: other databases have no outbox");
  }
  if (options.to == nullptr) problems.add("event_feed_options.to must not be null");
  if (options.poll < 1ms) problems.add("event_feed_options.poll must be at least 1 ms");
  if (options.retry < 1ms) problems.add("event_feed_options.retry must be at least 1 ms");
  if (options.attempts == 0) problems.add("event_feed_options.attempts must be at least 1");
  if (options.waiting == 0) problems.add("event_feed_options.waiting must be at least 1");
  if (options.background == nullptr) problems.add("event_feed_options.background must not be null");
  if (options.timer == nullptr) problems.add("event_feed_options.timer must not be null");
  if (options.time == nullptr) problems.add("event_feed_options.time must not be null");
  problems.throw_if_any();
  if (!options.log) options.log = [](std::string_view) {};
  return options;
}

}  // namespace

/// Follows the outbox with a cursor of its own. Of a named feed the cursor is written down once all is
/// handled that was committed before it.
class event_feed::worker : public std::enable_shared_from_this<worker> {
 public:
  explicit worker(event_feed_options options)
      : options_(checked(std::move(options))),
        reader_(options_.source),
        outbox_(options_.source),
        lanes_(std::make_shared<relaying::event_lanes>(options_)) {}

  void begin() {
    std::promise<void> ended;
    ended_ = ended.get_future().share();
    start(nullptr, run(),
          [self = shared_from_this(), ended = std::move(ended)](const completion<void>&) mutable {
            ended.set_value();
          });
  }

  void stop() {
    stop_->set();
    ended_.wait();
    lanes_->stop();
    sync_wait(save(duration::zero()));
  }

  event_feed_stats stats() const {
    const auto counts = lanes_->now();
    detail::scoped_lock lock(mutex_);
    auto out = stats_;
    out.handled = counts.handled;
    out.retries = counts.retries;
    out.given_up = counts.given_up;
    out.waiting = counts.waiting;
    return out;
  }

 private:
  task<> run() {
    while (!stop_->is_set()) {
      const auto began = options_.time->now();
      const auto done = co_await follow();
      if (done) {
        patience_ = duration::zero();
        tell_trouble("");
        co_await save(cursor_period);
      } else {
        patience_ = std::clamp(2 * patience_, options_.poll, std::max(options_.poll, most_patience));
        tell_trouble(done.error().detail);
      }
      const auto due = began + std::max(options_.poll, patience_);
      if (options_.time->now() < due) co_await detail::timed_wait(stop_, *options_.timer, due);
    }
  }

  /// Reads what was committed since the cursor and hands it to the lanes.
  task<result<void>> follow() {
    if (cursor_.seen.empty() && !options_.name.empty()) {
      auto left = co_await reader_.where(options_.name);
      if (!left) co_return std::unexpected(std::move(left.error()));
      cursor_.seen = std::move(*left);
      cursor_.life.clear();
    }
    auto page = co_await reader_.read(cursor_, "", 0);
    if (!page) co_return std::unexpected(std::move(page.error()));
    if (page->life.empty()) {
      auto begun = co_await outbox_.begin_life();
      if (!begun) co_return begun;
      co_return result<void>();  // the next look sees the new one
    }
    if (!cursor_.life.empty() && page->life != cursor_.life) {
      options_.log("events: PostgreSQL was restarted after a crash; some are told again");
      cursor_ = {.seen = options_.name.empty() ? std::string(relaying::from_the_beginning) : std::string(),
                 .life = {}};
      progress_.clear();
      co_return result<void>();
    }
    if (page->too_old) {
      options_.log("events: away for longer than the outbox keeps what is written; some are missed");
      cursor_.seen = relaying::from_the_beginning;
      detail::scoped_lock lock(mutex_);
      ++stats_.gaps;
      co_return result<void>();
    }
    const auto batch = std::make_shared<const int>(0);
    const auto seen = page->seen;
    const bool had_events = !page->events.empty();
    for (;;) {
      for (auto& each : page->events) {
        lanes_->deliver(std::make_shared<const domain_event>(std::move(each)), batch);
      }
      {
        detail::scoped_lock lock(mutex_);
        stats_.events += page->events.size();
      }
      if (!page->more) break;
      page = co_await reader_.read(cursor_, seen, page->last);
      if (!page) co_return std::unexpected(std::move(page.error()));  // from the first page again
    }
    if (had_events || progress_.empty()) {
      progress_.push_back({seen, batch});
    } else {
      progress_.back().seen = seen;
    }
    news_ = news_ || had_events;
    cursor_ = {.seen = seen, .life = page->life};
    co_return result<void>();
  }

  /// Writes the cursor down, if it is time.
  task<> save(duration period) {
    while (!progress_.empty() && progress_.front().batch.expired()) {
      handled_ = std::move(progress_.front().seen);
      progress_.pop_front();
    }
    const auto at = options_.time->now();
    if (options_.name.empty() || handled_ == saved_) co_return;
    if (at - saved_at_ < (news_ ? period : idle_factor * period)) co_return;
    const auto moved = co_await reader_.move(options_.name, handled_);
    saved_at_ = at;
    if (!moved) co_return;
    saved_ = handled_;
    news_ = !progress_.empty();
  }

  void tell_trouble(std::string what) {
    bool news = false;
    {
      detail::scoped_lock lock(mutex_);
      news = stats_.trouble != what;
      stats_.trouble = what;
    }
    if (news) options_.log("events: " + (what.empty() ? std::string("on the way again") : what));
  }

  struct step {
    std::string seen;
    std::weak_ptr<const void> batch;  ///< gone: all of it is handled
  };

  const event_feed_options options_;
  relaying::event_reader reader_;
  relaying::outbox_reader outbox_;
  const std::shared_ptr<relaying::event_lanes> lanes_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  std::shared_future<void> ended_;

  // The task's own.
  relaying::cursor cursor_;
  std::deque<step> progress_;
  std::string handled_;
  std::string saved_;
  bool news_ = false;  ///< there were events since it was saved
  time_point saved_at_{};
  duration patience_{};

  mutable detail::mutex mutex_;
  event_feed_stats stats_ STRATA_GUARDED_BY(mutex_);
};

event_feed::event_feed(event_feed_options options) : worker_(std::make_shared<worker>(std::move(options))) {
  worker_->begin();
}

event_feed::~event_feed() {
  stop();
}

void event_feed::stop() {
  worker_->stop();
}

event_feed_stats event_feed::stats() const {
  return worker_->stats();
}

sql_query publication_of(const domain_event& event) {
  std::vector<std::string> values{event.type};
  for (const auto& [name, value] : event.attributes) {
    values.push_back(name);
    values.push_back(value);
  }
  return {.statement = "SELECT strata_outbox.publish($1::text[])",
          .parameters = {relaying::write_text_array(values)}};
}

}  // namespace strata
