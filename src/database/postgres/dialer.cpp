#include "database/postgres/dialer.hpp"

#include <strata/timer.hpp>

#include <atomic>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace strata::detail {

namespace asio = boost::asio;

struct dialer::shared {
  explicit shared(const postgres_options& options) : address(options), patience(options.connect_timeout) {}
  server_address address;
  duration patience;
  std::atomic<bool> stop{false};
  std::atomic<bool> cancelling{false};
};

dialer::dialer(asio::io_context& on, const postgres_options& options)
    : loop_(&on), shared_(std::make_shared<shared>(options)), when_(std::random_device()()) {
}

bool dialer::dial(server_address::role as, std::shared_ptr<void> keep, taker done) {
  if (!when_.may_dial(std::chrono::steady_clock::now())) return false;
  when_.started();
  system_background().post(
      [this, as, with = shared_, keep = std::move(keep), loop = loop_, done = std::move(done)]() mutable {
        auto made = strata::detail::dial(with->address, as, with->patience, with->stop);
        // Only the loop, which `keep` keeps until here, runs this: `this` is there, or it never runs.
        asio::post(*loop, [this, made = std::move(made), done = std::move(done)]() mutable {
          if (made) {
            when_.succeeded();
          } else {
            when_.failed(std::chrono::steady_clock::now());
            last_ = made.error();
          }
          done(std::move(made));
        });
      });
  return true;
}

void dialer::cancel(cancel_request what) {
  if (shared_->cancelling.exchange(true)) return;
  system_background().post([what = std::move(what), with = shared_] {
    what.send();
    with->cancelling = false;
  });
}

void dialer::stop() {
  shared_->stop = true;
}

}  // namespace strata::detail
