#include "platform/entities/listing_list.hpp"

#include "platform/edge_tags.hpp"
#include "platform/edit.hpp"
#include "platform/entities/listing.hpp"
#include "platform/json_schema.hpp"
#include "platform/list_parameters.hpp"
#include "platform/list_query.hpp"

namespace strata::platform {

namespace {

// A page of the listings that hold every word of `query` in name, description or publisher, without regard to
// case; of all listings if it holds no word.
task<lookup<page>> listings_matching(const repositories& data, std::string_view query, page_request part,
                                     read_options how) {
  const auto& lists = data.entities().get<listing_list_entity>();
  auto words = search_words(query);
  auto at = lists(part.page, part.limit, words).reading(how);
  return data.target().get_or_set(at, [&data, words = std::move(words), part](fill_context& context) {
    context.add_tag(std::string(listings_tag));
    sql_parameters parameters;
    if (!words.empty()) context.local_at_first();
    const auto condition = search_condition(words, {"name", "description", "publisher"}, parameters);
    return load_page<listing>(data.source(),
                              page_of(listing_entity::table, column_names<listing>(), condition, "name, id",
                                      std::move(parameters), part),
                              part, context);
  });
}

response_task list_listings(const services& in, request& from) {
  std::vector<field_problem> problems;
  const auto part = read_page(from, problems);
  const auto query = read_search(from, problems);
  if (!problems.empty()) return unprocessable(problems);
  return then(anonymous_read(in, from), [&in, query, part](read_options how) {
    return then(listings_matching(in.data, query, part, how), [&in](const lookup<page>& found) -> response {
      if (!found) return failed(*found.failure());
      auto out = response_of(found);
      add_public_tag(out, listings_tag, in.time.wall());
      return out;
    });
  });
}

}  // namespace

std::vector<endpoint> listing_list_entity::endpoints() {
  using enum server::method;
  const query_parameter search_parameter{"q", R"({"type":"string","maxLength":200})",
                                         "only listings with every one of these words in name, description "
                                         "or publisher, without regard to case"};
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get,     "/marketplace/listings",       access::anyone, {},             list_listings,      cache_publicly,    200, "listing_page",       {},                   "The marketplace by name; no login needed.", {page_parameter(), limit_parameter(), search_parameter}},
  };
  // clang-format on
}

std::vector<named_schema> listing_list_entity::schemas() {
  return {{"listing_page", page_schema("listing")}};
}

}  // namespace strata::platform
