#include "platform/repositories.hpp"

#include "platform/list_query.hpp"

#include <utility>

namespace strata::platform {

namespace {

std::function<strata::wall_time()> wall_of(const strata::clock& time) {
  return [&time] { return time.wall(); };
}

template <class T>
strata::task<strata::result<page>> load_page(strata::database& source, list_query query, page_request part,
                                             strata::fill_context& context) {
  auto rows = co_await source.query(query.statement, std::move(query.parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  bool empty = false;
  auto body = rendered_page<T>(*rows, part.page, part.limit, empty);
  if (!body) co_return std::unexpected(std::move(body.error()));
  // There are endless pages behind the last one: they must not push out what is read.
  if (empty && part.page > 1) context.skip();
  co_return page(std::move(*body));
}

}  // namespace

repositories::repositories(strata::database& source, strata::cache& target, strata::event_bus& bus,
                           const entity_table& entities, const strata::clock& time)
    : users(source, target, entities.users, "users", wall_of(time)),
      organizations(source, target, entities.organizations, "organizations", wall_of(time)),
      agents(source, target, entities.agents, "agents", wall_of(time)),
      listings(source, target, entities.listings, "listings", wall_of(time)),
      configs(source, target, entities.configs, "agent_configs", wall_of(time)),
      tools(source, target, entities.tools, "agent_tools", wall_of(time)),
      settings(source, target, entities.settings, "user_settings", wall_of(time)),
      permissions(source, target, entities.permissions, "user_permissions", wall_of(time)),
      source_(&source),
      cache_(&target),
      bus_(&bus),
      time_(&time),
      agent_lists_(entities.agent_lists),
      listing_lists_(entities.listing_lists) {
}

strata::task<strata::lookup<page>> repositories::agents_of(std::string_view organization_id,
                                                           std::string_view status, page_request part,
                                                           strata::read_how how) const {
  return cache_->get_or_set(
      agent_lists_(organization_id, part.page, part.limit, status).reading(how),
      [this, organization = std::string(organization_id), status = std::string(status),
       part](strata::fill_context& context) {
        strata::sql_parameters parameters{organization};
        std::string_view condition = "organization_id = $1";
        if (!status.empty()) {
          parameters.emplace_back(status);
          condition = "organization_id = $1 AND status = $2";
        }
        return load_page<agent>(
            *source_,
            page_of("agents", strata::column_names<agent>(), condition, "created_at DESC, id",
                    std::move(parameters), (part.page - 1) * part.limit, part.limit),
            part, context);
      });
}

strata::task<strata::lookup<page>> repositories::listings_matching(std::string_view query, page_request part,
                                                                   strata::read_how how) const {
  auto words = normalized(query);
  auto where = listing_lists_(part.page, part.limit, words).reading(how);
  return cache_->get_or_set(where, [this, words = std::move(words), part](strata::fill_context& context) {
    strata::sql_parameters parameters;
    const auto condition = search_condition(words, {"name", "description", "publisher"}, parameters);
    return load_page<listing>(*source_,
                              page_of("listings", strata::column_names<listing>(), condition, "name, id",
                                      std::move(parameters), (part.page - 1) * part.limit, part.limit),
                              part, context);
  });
}

strata::task<strata::result<std::optional<credential>>> repositories::credential_of(std::string email) const {
  strata::sql_parameters parameters{std::move(email)};
  auto rows = co_await source_->query(
      "SELECT credentials.user_id, credentials.password_hash FROM users "
      "JOIN credentials ON credentials.user_id = users.id WHERE LOWER(users.email) = LOWER($1)",
      std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  std::optional<credential> found;
  if (!rows->empty()) {
    found.emplace(std::get<std::string>(rows->at(0, "user_id")),
                  std::get<std::string>(rows->at(0, "password_hash")));
  }
  co_return found;
}

strata::task<strata::result<strata::unit_of_work>> repositories::begin() const {
  return strata::unit_of_work::begin(*source_, *cache_);
}

strata::task<strata::result<void>> repositories::set_credential(strata::unit_of_work& work,
                                                                credential value) const {
  strata::sql_parameters parameters{std::move(value.user_id), std::move(value.password_hash),
                                    strata::rfc3339(now())};
  auto written = co_await work.execute(
      "INSERT INTO credentials (user_id, password_hash, updated_at) VALUES ($1, $2, $3) "
      "ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, "
      "updated_at = excluded.updated_at",
      std::move(parameters));
  if (!written) co_return std::unexpected(std::move(written.error()));
  co_return strata::result<void>();
}

strata::task<strata::result<void>> repositories::commit(strata::unit_of_work work,
                                                        std::vector<strata::domain_event> happened) const {
  auto done = co_await work.commit();
  if (!done) {
    // A commit that was not answered may have happened, and no event says what it changed.
    const bool refused =
        done.error().code == strata::errc::constraint || done.error().code == strata::errc::contention;
    if (!refused) co_await cache_->clear();
    co_return done;
  }
  for (auto& each : happened) co_await bus_->publish(std::move(each));
  co_return done;
}

strata::task<strata::result<bool>> repositories::empty() const {
  auto rows = co_await source_->query(
      "SELECT CASE WHEN EXISTS (SELECT 1 FROM organizations) OR EXISTS (SELECT 1 FROM users) OR "
      "EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM listings) THEN 1 ELSE 0 END AS filled",
      {});
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return std::get<std::int64_t>(rows->at(0, "filled")) == 0;
}

}  // namespace strata::platform
