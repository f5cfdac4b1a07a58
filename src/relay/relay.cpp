#include <strata/relay.hpp>

#include "core/option_problems.hpp"
#include "relay/relay_worker.hpp"

#include <utility>

namespace strata {

namespace {

relay_options checked(relay_options options) {
  detail::option_problems problems;
  if (options.source == nullptr) {
    problems.add("relay_options.source must not be null");
  } else if (options.source->dialect() != "postgres") {
    problems.add("relay_options.source must be PostgreSQL: other databases have no outbox");
  }
  if ((options.target == nullptr) == (options.local == nullptr)) {
    problems.add("relay_options must name one of target and local");
  }
  if (options.poll < std::chrono::milliseconds(1)) problems.add("relay_options.poll must be at least 1 ms");
  if (options.bound < 4 * options.poll) problems.add("relay_options.bound must be at least 4 polls");
  if (options.takeover < 4 * options.poll) {
    problems.add("relay_options.takeover must be at least 4 polls");
  }
  if (options.timer == nullptr) problems.add("relay_options.timer must not be null");
  if (options.time == nullptr) problems.add("relay_options.time must not be null");
  problems.throw_if_any();
  if (!options.log) options.log = [](log_level, std::string_view) {};
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
