#include "platform/entities/listing.hpp"

#include "platform/demo_vocabulary.hpp"
#include "platform/demo_writer.hpp"
#include "platform/edge_tags.hpp"
#include "platform/edit.hpp"
#include "platform/import_writer.hpp"
#include "platform/json_schema.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>

namespace strata::platform {

std::vector<migration> listing_entity::migrations() {
  return {{3, "marketplace", R"sql(
CREATE TABLE listings (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  description    TEXT NOT NULL DEFAULT '',
  publisher      TEXT NOT NULL DEFAULT '',
  repository_url TEXT NOT NULL DEFAULT '',
  packages       TEXT NOT NULL DEFAULT '[]',
  install_count  BIGINT NOT NULL DEFAULT 0,
  version        BIGINT NOT NULL DEFAULT 1,
  created_at     TEXT NOT NULL,
  updated_at     TEXT NOT NULL
);
CREATE INDEX listings_by_name ON listings (name, id);
)sql"},
          {4, "installs", R"sql(
CREATE TABLE listing_installs (
  listing_id      TEXT NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  installed_at    TEXT NOT NULL,
  PRIMARY KEY (listing_id, organization_id)
);
)sql"}};
}

namespace {

// A link that a browser may follow: anything else (javascript:, data:) is refused.
bool is_web_address(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) {
      return text.size() > scheme.size() && std::ranges::none_of(text, [](char c) {
               return c == ' ' || c == '"' || c == '<' || c == '>' || c == '\\';
             });
    }
  }
  return false;
}

std::optional<json::raw> read_packages(field_reader& in) {
  const auto* found = in.any("packages");
  if (found == nullptr) return {};
  if (found->is_null()) return json::raw{"[]"};
  const auto* items = found->if_array();
  if (items == nullptr || !std::ranges::all_of(*items, [](const auto& each) { return each.is_object(); })) {
    in.problem("packages", "must be an array of objects");
    return {};
  }
  auto text = json::to_text(*found);
  if (text.size() > max_packages) {
    in.problem("packages",
               fmt::format("must be at most {} bytes of JSON, not {}", max_packages, text.size()));
    return {};
  }
  return json::raw{std::move(text)};
}

}  // namespace

listing_input read_listing(field_reader& in) {
  listing_input out;
  out.name = in.text("name", name_rule);
  out.description = in.text("description", description_rule);
  out.publisher = in.text("publisher", {.max = 200, .otherwise = ""});
  out.repository_url = in.text("repository_url", {.max = 500, .otherwise = ""});
  if (out.repository_url && !out.repository_url->empty() && !is_web_address(*out.repository_url)) {
    in.problem("repository_url", "must be an http or https address");
    out.repository_url.reset();
  }
  out.packages = read_packages(in);
  return out;
}

void listing_input::apply(listing& to) const {
  set_if(to.name, name);
  set_if(to.description, description);
  set_if(to.publisher, publisher);
  set_if(to.repository_url, repository_url);
  set_if(to.packages, packages);
}

namespace {

response_task get_listing(const services& in, request& from) {
  if (!names_row<listing_entity>(from)) return not_found();
  return then(anonymous_read(in, from), [&in, &from](read_options how) {
    return then(in.data.rows<listing_entity>().find(from.path_parameter("id"), how),
                [&in](const strata::lookup<cached_response<listing>>& found) {
                  auto out = found_or_not(found);
                  if (found) add_public_tag(out, listing_tag(found->row.id), in.time.wall());
                  return out;
                });
  });
}

// Notes that an organization has installed a listing. Returns false if it had before.
task<result<bool>> note_install(const repositories& data, unit_of_work& work, std::string listing_id,
                                std::string organization_id) {
  sql_parameters which{listing_id, organization_id};
  auto known = co_await work.execute(
      "SELECT listing_id FROM listing_installs WHERE listing_id = $1 AND organization_id = $2",
      std::move(which));
  if (!known) co_return std::unexpected(std::move(known.error()));
  if (!known->empty()) co_return false;
  sql_parameters row{std::move(listing_id), std::move(organization_id), rfc3339(data.now())};
  auto noted = co_await work.execute(
      "INSERT INTO listing_installs (listing_id, organization_id, installed_at) VALUES ($1, $2, $3)",
      std::move(row));
  if (!noted) co_return std::unexpected(std::move(noted.error()));
  co_return true;
}

response installs(std::int64_t count) {
  return server::json(200, R"({"install_count":)" + std::to_string(count) + '}');
}

// An organization counts once. So no member can repeat a cheap request that changes the listing for all, and
// with it every cached page of the marketplace.
response_task install_later(const services& in, request& from, std::string id) {
  std::int64_t count = 0;
  const auto caller = from.principal<principal>();
  const auto once = [&in, caller](unit_of_work& work, const listing& before,
                                  const listing&) -> task<result<refusal>> {
    auto noted = note_install(in.data, work, before.id, caller->row.organization_id);
    const auto first = co_await std::move(noted);
    if (!first) co_return std::unexpected(first.error());
    if (*first) co_return refusal();
    co_return refusal(installs(before.install_count));
  };
  auto edited = edit<listing_entity>(
      in.data, from, std::move(id), [](const listing&) { return refusal(); },
      [&count](listing& row) {
        count = row.install_count = counted_up(row.install_count);
        return refusal();
      },
      once);
  auto out = co_await std::move(edited);
  if (out.status != 200 || out.content == nullptr) co_return out;
  co_return installs(count);
}

response_task install_listing(const services& in, request& from) {
  if (!names_row<listing_entity>(from)) return not_found();
  return install_later(in, from, id_of(from));
}

import_action write_action(imported<listing> record) {
  return [record = std::move(record)](import_writer& to) { return to.upsert<listing_entity>(record); };
}

// "io.github.redis/mcp-redis" is published by "redis": the last label of the name's owner.
std::string publisher_of(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  const auto owner = name.substr(0, slash);
  return std::string(owner.substr(owner.rfind('.') + 1));
}

const boost::json::value* member(const boost::json::value& of, std::string_view name) {
  const auto* object = of.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

boost::json::value packages_of(const boost::json::value& server) {
  boost::json::array all;
  if (const auto* packages = member(server, "packages"); packages != nullptr && !packages->is_null()) {
    if (!packages->is_array()) return *packages;  // `read_listing` reports what is wrong with it
    all = packages->get_array();
  }
  if (const auto* remotes = member(server, "remotes"); remotes != nullptr && remotes->is_array()) {
    for (const auto& each : remotes->get_array()) {
      boost::json::value remote = each;
      if (auto* fields = remote.if_object()) fields->emplace("registry_name", "remote");
      all.push_back(std::move(remote));
    }
  }
  return all;
}

// The place in the registry's server of a problem in the listing made from it.
std::string server_pointer(const std::string& pointer) {
  if (pointer == "/repository_url") return "/repository/url";
  if (pointer == "/created_at") return "/version_detail/release_date";
  if (pointer == "/publisher") return "/name";
  return pointer;
}

constexpr std::size_t demo_listings = 300;

listing make_listing(std::size_t index, dice& roll, strata::wall_time now) {
  const auto shelves = demo::shelves();
  const auto& on = shelves[index % shelves.size()];
  const auto brand = demo::brands()[index / shelves.size()];
  const auto publisher = roll.pick(demo::publishers());
  listing out;
  out.name = fmt::format("{} {}", brand, on.noun);
  out.description = on.texts[roll.below(on.texts.size())];
  out.publisher = publisher;
  const auto name = slug(out.name);
  out.id = stable_id(listing_entity::id_prefix, "demo/" + name);
  out.repository_url = fmt::format("https://git.example/{}/{}", slug(publisher), name);
  const auto package = on.registry == "npm" ? fmt::format("@{}/{}", slug(publisher), name) : name;
  out.packages.text = strata::json::to_text(boost::json::array{
      {{"registry_name", std::string(on.registry)},
       {"name", package},
       {"version", fmt::format("{}.{}.{}", roll.below(4), roll.below(12), roll.below(9))}}});
  out.install_count = static_cast<std::int64_t>(roll.below(60) * roll.below(200));
  out.created_at = days_ago(now, 5 + roll.below(500), roll.below(1440));
  return out;
}

}  // namespace

std::vector<endpoint> listing_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get,     "/marketplace/listings/{id}",  access::anyone, {},             get_listing,        cache_publicly,    200, "listing",            {},                   "A listing; no login needed."},
    {post,    "/marketplace/listings/{id}/install", access::member, {},      install_listing,    {},        200, "installation",       {},                   "Counts the installation of a listing by the own organization, once."},
  };
  // clang-format on
}

std::vector<named_schema> listing_entity::schemas() {
  return {
      {"listing", schema_of<listing>({{"packages", R"({"type":"array","items":{"type":"object"}})"}})},
      {"installation",
       R"({"type":"object","required":["install_count"],"properties":{"install_count":{"type":"integer"}}})"}};
}

import_result listing_entity::import_record(const boost::json::value& from, field_reader& in) {
  imported<listing> out;
  out.fresh.id = read_id(in, "id", id_prefix).value_or("");
  read_input(from, in, read_listing, out);
  out.fresh.install_count = in.count("install_count", 0).value_or(0);
  out.fresh.created_at = read_created_at(in);
  return checked(in, write_action(std::move(out)));
}

import_result import_registry_server(const boost::json::value& from) {
  const auto or_null = [](const boost::json::value* value) {
    return value == nullptr ? boost::json::value() : *value;
  };
  const auto* repository = member(from, "repository");
  const auto* detail = member(from, "version_detail");
  const auto* name = member(from, "name");
  boost::json::object fields{
      {"name", or_null(name)},
      {"description", or_null(member(from, "description"))},
      {"repository_url", repository == nullptr ? boost::json::value() : or_null(member(*repository, "url"))},
      {"packages", packages_of(from)},
      {"created_at", detail == nullptr ? boost::json::value() : or_null(member(*detail, "release_date"))}};
  if (name != nullptr && name->is_string()) fields["publisher"] = publisher_of(name->get_string());

  const boost::json::value listing_value(std::move(fields));
  field_reader in(listing_value, field_reader::mode::create);
  imported<listing> out;
  const auto* id = member(from, "id");
  if (id == nullptr || !id->is_string()) {
    in.problem("id", id == nullptr ? "is missing" : "must be a string");
  } else if (id->get_string().empty()) {
    in.problem("id", "must not be empty");
  } else {
    out.fresh.id = stable_id(listing_entity::id_prefix, "mcp-registry/" + std::string(id->get_string()));
  }
  read_input(listing_value, in, read_listing, out);
  out.fresh.created_at = read_created_at(in);
  auto problems = in.finish();
  if (problems.empty()) return write_action(std::move(out));
  for (auto& each : problems) each.where = server_pointer(each.where);
  return std::unexpected(std::move(problems));
}

task<result<void>> listing_entity::add_demo(demo_writer& to) {
  for (std::size_t i = 0; i < demo_listings; ++i) {
    auto added = co_await to.create<listing_entity>(make_listing(i, to.roll, to.now));
    if (!added) co_return added;
  }
  co_return result<void>();
}

}  // namespace strata::platform
