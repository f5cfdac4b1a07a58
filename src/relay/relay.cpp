#include <strata/relay.hpp>

#include "relay/worker.hpp"

#include <utility>

namespace strata {

namespace {

relay_options checked(relay_options options) {
  std::vector<std::string> wrong;
  if (options.source == nullptr) {
    wrong.emplace_back("relay_options.source must not be null");
  } else if (options.source->dialect() != "postgres") {
    wrong.emplace_back("relay_options.source must be PostgreSQL: other databases have no outbox");
  }
  if ((options.target == nullptr) == (options.local == nullptr)) {
    wrong.emplace_back("relay_options must name one of target and local");
  }
  if (options.poll < std::chrono::milliseconds(1))
    wrong.emplace_back("relay_options.poll must be at least 1 ms");
  if (options.bound < 4 * options.poll) wrong.emplace_back("relay_options.bound must be at least 4 polls");
  if (options.takeover < 4 * options.poll) {
    wrong.emplace_back("relay_options.takeover must be at least 4 polls");
  }
  if (options.timer == nullptr) wrong.emplace_back("relay_options.timer must not be null");
  if (options.time == nullptr) wrong.emplace_back("relay_options.time must not be null");
  if (!wrong.empty()) throw bad_options(std::move(wrong));
  if (!options.log) options.log = [](std::string_view) {};
  return options;
}

}  // namespace

relay::relay(relay_options options) : worker_(std::make_shared<worker>(checked(std::move(options)))) {
  worker_->begin();
}

relay::~relay() {
  stop();
}

void relay::stop() {
  worker_->stop();
}

relay_stats relay::stats() const {
  return worker_->stats();
}

}  // namespace strata
