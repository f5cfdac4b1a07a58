#include "platform/consistency_cookie.hpp"
#include "platform/edit.hpp"
#include "platform/handlers.hpp"
#include "platform/ids.hpp"
#include "platform/list_parameters.hpp"

namespace strata::platform {

namespace {

namespace server = strata::server;

bool names_listing(const request& from) {
  return plausible_id(listing_prefix, from.path_parameter("id"));
}

response_task install_later(const services& in, request& from, std::string id) {
  std::int64_t count = 0;
  auto edited = edit(
      in.data, from, in.data.listings, std::move(id),
      [](const listing&) { return std::optional<response>(); },
      [&count](listing& row) {
        count = ++row.install_count;
        return std::optional<response>();
      },
      [](const listing& row) { return listing_event("updated", row); });
  auto out = co_await std::move(edited);
  if (out.status != 200) co_return out;
  co_return server::json(200, R"({"install_count":)" + std::to_string(count) + '}');
}

}  // namespace

response_task list_listings(const services& in, request& from) {
  std::vector<server::field_problem> problems;
  const auto part = read_page(from, problems);
  const auto query = read_search(from, problems);
  if (!problems.empty()) return unprocessable(problems);
  return then(in.data.listings_matching(query, part, anonymous_read(in, from)),
              [](const strata::lookup<page>& found) -> response {
                return found ? response_of(found) : failed(*found.failure());
              });
}

response_task get_listing(const services& in, request& from) {
  if (!names_listing(from)) return not_found();
  return then(in.data.listings.find(from.path_parameter("id"), anonymous_read(in, from)),
              [](const strata::lookup<cached_response<listing>>& found) -> response {
                if (found.failure() != nullptr) return failed(*found.failure());
                return found ? response_of(found) : not_found();
              });
}

response_task install_listing(const services& in, request& from) {
  if (!names_listing(from)) return not_found();
  return install_later(in, from, std::string(from.path_parameter("id")));
}

}  // namespace strata::platform
