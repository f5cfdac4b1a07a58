#include "database/postgres/client.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace strata::detail {

namespace asio = boost::asio;

namespace {

using loop_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               asio::io_context::executor_type>;

/// How often deadlines are looked at: often enough for the shortest, never for nothing.
duration tick_of(const postgres_options& options) {
  const auto shortest = std::min(options.statement_timeout, options.transaction_timeout);
  return std::clamp<duration>(shortest / 16, std::chrono::milliseconds(1), std::chrono::milliseconds(20));
}

error closed() {
  return {errc::database_unavailable, "the database is closed"};
}

}  // namespace

/// What lives on the loop's thread.
struct client::machine {
  explicit machine(client& in)
      : work(loop.get_executor()),
        timer(loop),
        tick(tick_of(in.options_)),
        dial(loop, in.options_),
        parts{loop,
              in.options_,
              dial,
              in.waiting_,
              [&in]() -> std::shared_ptr<void> { return in.shared_from_this(); },
              [this] { arm(); }},
        reading(parts),
        writing(parts, [&in](std::uint64_t loan) { return writer_loan(in.shared_from_this(), loan); }) {}

  void arm() {
    if (armed || (!reading.needs_time() && !writing.needs_time())) return;
    armed = true;
    timer.expires_after(tick);
    timer.async_wait([this](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      armed = false;
      const time_point now = std::chrono::steady_clock::now();
      reading.sweep(now);
      writing.sweep(now);
      arm();
    });
  }

  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work;
  loop_timer timer;
  duration tick;
  bool armed = false;
  dialer dial;
  pool_parts parts;
  reading_pool reading;
  writing_pool writing;
};

client::client(postgres_options options)
    : options_(std::move(options)), machine_(std::make_unique<machine>(*this)) {
}

client::~client() = default;

result<std::shared_ptr<client>> client::open(postgres_options options) {
  const std::atomic<bool> never{false};
  auto first = dial(server_address(options), server_address::role::reading, options.connect_timeout, never);
  if (!first) return std::unexpected(std::move(first.error()));
  std::shared_ptr<client> made(new client(std::move(options)));
  made->machine_->reading.adopt(std::move(*first));
  made->thread_ = std::thread([kept = made] {
    auto& in = *kept->machine_;
    in.reading.pump();
    in.writing.pump();
    in.arm();
    in.loop.run();
  });
  return made;
}

void client::close() {
  {
    scoped_lock lock(guard_);
    if (std::exchange(closed_, true)) return;
    woken_ = true;  // no more posts
  }
  asio::post(machine_->loop, [this] {
    auto& in = *machine_;
    std::vector<command_ptr> queries;
    std::vector<write_job_ptr> jobs;
    {
      scoped_lock lock(guard_);
      queries.swap(queries_);
      jobs.swap(jobs_);
    }
    for (auto& each : queries) in.reading.add(std::move(each));
    for (auto& each : jobs) in.writing.add(std::move(each));
    in.dial.stop();
    in.reading.close(closed());
    in.writing.close(closed());
    in.loop.stop();
  });
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();  // it holds what it needs
  } else {
    thread_.join();
  }
}

std::optional<error> client::refusal() {
  if (closed_) return closed();
  if (waiting_.load() >= options_.queue_limit)
    return error{errc::busy, "too many statements are waiting for PostgreSQL"};
  return std::nullopt;
}

void client::wake() {
  if (std::exchange(woken_, true)) return;
  asio::post(machine_->loop, [this] { drain(); });
}

std::optional<result<sql_rows>> client::submit(command_ptr next) {
  scoped_lock lock(guard_);
  if (auto why = refusal()) return std::unexpected(std::move(*why));
  ++waiting_;
  queries_.push_back(std::move(next));
  wake();
  return std::nullopt;
}

std::optional<error> client::submit(write_job_ptr job) {
  scoped_lock lock(guard_);
  // A task that holds a connection may continue; otherwise the connection would never be returned.
  if (auto why = refusal(); why && (job->loan == 0 || closed_)) return why;
  ++waiting_;
  jobs_.push_back(std::move(job));
  wake();
  return std::nullopt;
}

void client::give_back(std::uint64_t loan) {
  scoped_lock lock(guard_);
  if (closed_) return;
  returned_.push_back(loan);
  wake();
}

void client::drain() {
  std::vector<command_ptr> queries;
  std::vector<write_job_ptr> jobs;
  std::vector<std::uint64_t> returned;
  {
    scoped_lock lock(guard_);
    queries.swap(queries_);
    jobs.swap(jobs_);
    returned.swap(returned_);
    woken_ = closed_;
  }
  auto& in = *machine_;
  for (auto& each : queries) in.reading.add(std::move(each));
  if (!queries.empty()) in.reading.pump();
  for (auto& each : jobs) in.writing.add(std::move(each));
  for (const auto each : returned) in.writing.give_back(each);
  if (!jobs.empty()) in.writing.pump();
  in.arm();
}

void writer_loan::end() {
  if (const auto loan = std::exchange(number_, 0)) from_->give_back(loan);
}

}  // namespace strata::detail
