#include "platform/app.hpp"

#include "platform/access_steps.hpp"
#include "platform/changes.hpp"
#include "platform/endpoints.hpp"
#include "platform/entities.hpp"
#include "platform/maintenance.hpp"
#include "platform/repositories.hpp"
#include "platform/schema.hpp"
#include "platform/services.hpp"

#include <server/router.hpp>
#include <strata/migrations.hpp>

#include <utility>

namespace strata::platform {

namespace {

app_options checked(app_options options) {
  std::vector<std::string> problems;
  if (!options.database) problems.emplace_back("database is missing");
  if (!options.cache) problems.emplace_back("cache is missing");
  if (options.time == nullptr) problems.emplace_back("time is missing");
  if (options.foreign_change_interval < strata::duration::zero()) {
    problems.emplace_back("foreign_change_interval must not be below 0");
  }
  if (!problems.empty()) throw strata::bad_options(std::move(problems));
  if (!options.log) options.log = [](strata::log_level, std::string_view) {};
  return options;
}

strata::session_options session_options_of(const app_options& options, const repositories& data) {
  auto out = options.auth.sessions;
  out.copies = data.entities().get<session_entity>().policy();
  out.time = options.time;
  return out;
}

/// For PostgreSQL the relay reports the writes of other programs.
strata::duration check_interval(const app_options& options) {
  return options.database->dialect() == "sqlite" ? options.foreign_change_interval : strata::duration::zero();
}

}  // namespace

// Members are destroyed from the last to the first: the maintenance before the objects it maintains.
struct app::state {
  explicit state(app_options given)
      : options(checked(std::move(given))),
        bus([this](const strata::domain_event& event, std::string_view what) {
          options.log(strata::log_level::warning,
                      "a handler of " + event.type + " failed: " + std::string(what));
        }),
        data(*options.database, *options.cache, bus, entity_table(options.policies, options.entities),
             *options.time),
        tables(options.entities),
        sessions(*options.database, *options.cache, session_options_of(options, data)),
        passwords(options.auth.passwords),
        limited(options.limits, {.store = options.limit_store, .time = options.time}),
        provided{data,   *options.cache, sessions,     passwords,  limited,
                 tokens, *options.time,  options.auth, options.log},
        upkeep(*options.database, *options.cache, sessions, check_interval(options), options.log) {
    strata::invalidate_on(bus, *options.cache, invalidation_rules(options.entities));
  }

  app_options options;
  strata::event_bus bus;
  repositories data;
  schema tables;
  strata::session_store sessions;
  password_hasher passwords;
  limits limited;
  consistency_seal tokens;
  services provided;
  maintenance upkeep;
};

app::app(app_options options) : state_(std::make_unique<state>(std::move(options))) {
}
app::~app() = default;

strata::task<strata::result<void>> app::migrate() {
  auto done = co_await strata::migrate(*state_->options.database, state_->tables.steps(),
                                       [&time = *state_->options.time] { return time.wall(); });
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return strata::result<void>();
}

void app::start() {
  state_->upkeep.start();
}
void app::stop() {
  state_->upkeep.stop();
}

void app::set_limits(const limit_settings& to) {
  state_->limited.set(to);
}

std::optional<strata::server::rate_limit_state> app::count_refused(
    std::string_view peer, const strata::server::request* from) const {
  return platform::count_refused(state_->provided, peer, from);
}

std::vector<std::pair<std::string_view, strata::rate_limiter_stats>> app::limit_stats() const {
  return state_->limited.stats();
}

strata::server::router app::routes() {
  if (const auto done = strata::sync_wait(state_->tokens.load(*state_->options.database)); !done) {
    state_->options.log(
        strata::log_level::warning,
        "consistency tokens of other gateways will not be known here: " + done.error().detail);
  }
  return make_routes(state_->provided);
}
repositories& app::data() noexcept {
  return state_->data;
}
password_hasher& app::passwords() noexcept {
  return state_->passwords;
}
strata::session_store& app::sessions() noexcept {
  return state_->sessions;
}
strata::event_bus& app::events() noexcept {
  return state_->bus;
}

}  // namespace strata::platform
