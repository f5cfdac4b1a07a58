#include "redis/connection/client.hpp"

#include "redis/connection/connection.hpp"

#include <utility>

namespace strata::redis {

namespace {

/// A task's side of a request: lives in the task's frame, which may be destroyed at any time.
class waiting {
 public:
  waiting(connection& on, resp::pipeline what, request_options how)
      : on_(on), mine_(new request(std::move(what), deadline(on, how), how.retryable)) {}
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;
  ~waiting() {
    if (!resumed_ && mine_->standing.exchange(request::stand::abandoned) == request::stand::ready)
      on_.fence();
    mine_->drop();
  }

  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    mine_->waiter = handle;
    mine_->resume_on = detail::executor_of(handle);
    return on_.submit(*mine_);  // `this` may be gone already
  }
  request& await_resume() noexcept {
    resumed_ = true;
    return *mine_;
  }

 private:
  static time_point deadline(const connection& on, const request_options& how) {
    return how.deadline != time_point{} ? how.deadline : on.time().now() + on.options().request_timeout;
  }

  connection& on_;
  request* mine_;
  bool resumed_ = false;
};

task<result<reply>> send(std::shared_ptr<connection> to, resp::pipeline what, request_options how) {
  waiting mine(*to, std::move(what), how);
  request& done = co_await mine;
  if (done.failed) co_return std::unexpected(std::move(*done.failed));
  co_return std::move(done.reply);
}

task<result<std::vector<reply>>> send_many(std::shared_ptr<connection> to, resp::pipeline what,
                                           request_options how) {
  waiting mine(*to, std::move(what), how);
  request& done = co_await mine;
  if (done.failed) co_return std::unexpected(std::move(*done.failed));
  if (done.what.size() == 1) done.replies.push_back(std::move(done.reply));
  co_return std::move(done.replies);
}

}  // namespace

client::client(runtime& on, client_options with, client_observer* observer, const clock& time)
    : connection_(make_connection(on.next(), std::move(with), observer, time)) {
  connection_->open();
}

client::~client() {
  close();
}

void client::close() {
  connection_->close();
}

task<result<reply>> client::execute(resp::command what, request_options how) {
  return send(connection_, std::move(what), how);
}

task<result<std::vector<reply>>> client::execute_many(resp::pipeline what, request_options how) {
  if (what.empty()) return result<std::vector<reply>>();
  return send_many(connection_, std::move(what), how);
}

client_state client::state() const noexcept {
  return connection_->state();
}

std::string client::trouble() const {
  return connection_->trouble();
}

client_stats client::stats() const {
  return connection_->stats();
}

address client::at() const {
  return connection_->at();
}

void client::renew(error why) {
  connection_->renew(std::move(why));
}

executor& client::get_executor() const noexcept {
  return connection_->get_executor();
}

error to_error(const reply& of) {
  return {errc::store_unavailable, "Redis answered: " + std::string(of.error().message)};
}

error unexpected_reply(std::string_view command) {
  return {errc::store_unavailable,
          "store: the server's reply to " + std::string(command) + " has an unexpected form"};
}

}  // namespace strata::redis
