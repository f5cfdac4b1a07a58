#include <strata/event_feed.hpp>

#include "async/timed_wait.hpp"
#include "core/mutex.hpp"
#include "core/option_problems.hpp"
#include "relay/event_reader.hpp"
#include "relay/subscriber_queues.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <utility>

namespace strata {

namespace {

using namespace std::chrono_literals;

/// How often the cursor of a named feed is saved, and by which factor less often while nothing happens.
constexpr duration cursor_period = 1s;
constexpr int idle_factor = 30;
/// Without events for this long, the pauses become longer, by this factor.
constexpr duration quiet_after = 1s;
constexpr int quiet_factor = 4;
constexpr duration longest_retry_delay = 1s;

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
  if (!options.log) options.log = [](log_level, std::string_view) {};
  return options;
}

}  // namespace

/// Follows the outbox with its own cursor. A named feed saves the cursor once every event committed before it
/// has been handled.
class event_feed::worker : public std::enable_shared_from_this<worker> {
 public:
  explicit worker(event_feed_options options)
      : options_(checked(std::move(options))),
        reader_(options_.source),
        outbox_(options_.source),
        queues_(std::make_shared<relay_detail::subscriber_queues>(options_)) {}

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
    queues_->stop();
    sync_wait(save(duration::zero()));
  }

  event_feed_stats stats() const {
    const auto counts = queues_->counters();
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
      const auto done = co_await deliver_new();
      if (done) {
        retry_delay_ = duration::zero();
        report_trouble("");
        co_await save(cursor_period);
      } else {
        retry_delay_ =
            std::clamp(2 * retry_delay_, options_.poll, std::max(options_.poll, longest_retry_delay));
        report_trouble(done.error().detail);
      }
      const auto due = began + std::max(pause_at(began), retry_delay_);
      if (options_.time->now() < due) co_await detail::timed_wait(stop_, *options_.timer, due);
    }
  }

  duration pause_at(time_point at) const {
    return at - events_at_ < quiet_after ? options_.poll : quiet_factor * options_.poll;
  }

  /// Reads the events committed since the cursor, and queues them for their handlers.
  task<result<void>> deliver_new() {
    if (cursor_.seen.empty() && !options_.name.empty()) {
      auto saved = co_await reader_.saved_cursor(options_.name);
      if (!saved) co_return std::unexpected(std::move(saved.error()));
      cursor_.seen = std::move(*saved);
      cursor_.life.clear();
    }
    auto page = co_await reader_.read(cursor_, "", 0);
    if (!page) co_return std::unexpected(std::move(page.error()));
    if (page->life.empty()) {
      auto begun = co_await outbox_.begin_life();
      if (!begun) co_return begun;
      co_return result<void>();  // the next poll finds the new life
    }
    if (!cursor_.life.empty() && page->life != cursor_.life) {
      options_.log(log_level::warning,
                   "events: PostgreSQL restarted after a crash; some events are delivered again");
      cursor_ = {
          .seen = options_.name.empty() ? std::string(relay_detail::from_the_beginning) : std::string(),
          .life = {}};
      progress_.clear();
      co_return result<void>();
    }
    if (page->too_old) {
      options_.log(log_level::warning, "events: away for longer than the outbox keeps events; some are lost");
      cursor_.seen = relay_detail::from_the_beginning;
      detail::scoped_lock lock(mutex_);
      ++stats_.gaps;
      co_return result<void>();
    }
    const auto batch = std::make_shared<const int>(0);
    const auto seen = page->seen;
    const bool had_events = !page->events.empty();
    for (;;) {
      for (auto& each : page->events) {
        queues_->deliver(std::make_shared<const domain_event>(std::move(each)), batch);
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
    unsaved_events_ = unsaved_events_ || had_events;
    if (had_events) events_at_ = options_.time->now();
    cursor_ = {.seen = seen, .life = page->life};
    co_return result<void>();
  }

  /// Saves the cursor if it is due.
  task<> save(duration period) {
    while (!progress_.empty() && progress_.front().batch.expired()) {
      handled_ = std::move(progress_.front().seen);
      progress_.pop_front();
    }
    const auto at = options_.time->now();
    if (options_.name.empty() || handled_ == saved_) co_return;
    if (at - saved_at_ < (unsaved_events_ ? period : idle_factor * period)) co_return;
    const auto moved = co_await reader_.save_cursor(options_.name, handled_);
    saved_at_ = at;
    if (!moved) co_return;
    saved_ = handled_;
    unsaved_events_ = !progress_.empty();
  }

  void report_trouble(std::string what) {
    bool is_new = false;
    {
      detail::scoped_lock lock(mutex_);
      is_new = stats_.trouble != what;
      stats_.trouble = what;
    }
    if (!is_new) return;
    if (what.empty()) {
      options_.log(log_level::info, "events: working again");
    } else {
      options_.log(log_level::warning, "events: " + what);
    }
  }

  struct step {
    std::string seen;
    std::weak_ptr<const void> batch;  ///< expired: all of it is handled
  };

  const event_feed_options options_;
  relay_detail::event_reader reader_;
  relay_detail::outbox_reader outbox_;
  const std::shared_ptr<relay_detail::subscriber_queues> queues_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  std::shared_future<void> ended_;

  // The task's own.
  relay_detail::cursor cursor_;
  std::deque<step> progress_;
  std::string handled_;
  std::string saved_;
  bool unsaved_events_ = false;  ///< there were events since the cursor was saved
  time_point saved_at_{};
  time_point events_at_{};  ///< when events were found last
  duration retry_delay_{};

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
          .parameters = {relay_detail::write_text_array(values)}};
}

}  // namespace strata
