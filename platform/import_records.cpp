#include "platform/import_records.hpp"

#include "platform/ids.hpp"
#include "platform/input_schemas.hpp"
#include "platform/passwords.hpp"
#include "platform/timestamps.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <utility>

namespace strata::platform {

namespace {

namespace json = boost::json;
using mode = field_reader::mode;

std::optional<std::string> read_id(field_reader& in, std::string_view name, std::string_view prefix) {
  auto id = in.text(name, {.min = 1, .max = 64});
  if (id && !well_formed_id(prefix, *id)) {
    in.problem(name, fmt::format("must be {} and 12 to 60 characters of A-Z a-z 0-9 _ -", prefix));
    id.reset();
  }
  return id;
}

// A time as the tables hold it; empty if the record names none.
std::string read_created_at(field_reader& in) {
  const auto text = in.text("created_at", {.max = 64, .otherwise = ""});
  if (!text || text->empty()) return {};
  if (const auto time = parse_timestamp(*text)) return strata::rfc3339(*time);
  in.problem("created_at", "must be a time such as 2025-05-16T18:56:49Z");
  return {};
}

// The form as for a new row, and what it says besides its defaults, for one that is there.
template <class Row, class Read>
void read_form(const json::value& from, field_reader& in, Read read, imported<Row>& into) {
  read(in).apply(into.fresh);
  field_reader named(from, mode::patch);
  into.replace = [form = read(named)](Row& row) { form.apply(row); };
}

read_import finished(field_reader& in, import_record made) {
  if (auto problems = in.finish(); !problems.empty()) return std::unexpected(std::move(problems));
  return made;
}

read_import read_organization_record(const json::value& from, field_reader& in) {
  imported<organization> out;
  out.fresh.id = read_id(in, "id", organization_prefix).value_or("");
  read_form(from, in, [](field_reader& fields) { return read_organization(fields); }, out);
  const auto active = in.flag("is_active", true);
  out.fresh.is_active = active.value_or(true);
  if (in.has("is_active")) {
    out.replace = [rest = std::move(out.replace), active](organization& row) {
      rest(row);
      row.is_active = active.value_or(row.is_active);
    };
  }
  out.fresh.created_at = read_created_at(in);
  return finished(in, std::move(out));
}

read_import read_user_record(const json::value& from, field_reader& in) {
  imported_user out;
  out.fresh.id = read_id(in, "id", user_prefix).value_or("");
  out.fresh.organization_id = read_id(in, "organization_id", organization_prefix).value_or("");
  read_form(from, in, [](field_reader& fields) { return read_user(fields); }, out);
  out.fresh.created_at = read_created_at(in);
  if (const auto* password = in.any("password"); password != nullptr) {
    const auto* text = password->if_string();
    if (text == nullptr || text->empty() || text->size() > max_password_length) {
      in.problem("password", fmt::format("must be a string of 1 to {} bytes", max_password_length));
    } else {
      out.password.emplace(*text);
    }
  }
  return finished(in, std::move(out));
}

std::optional<strata::json::raw> read_part(field_reader& in, std::string_view name) {
  const auto* found = in.any(name);
  if (found == nullptr) return {};
  std::vector<field_problem> problems;
  auto out = read_document(*found, pointer_to(name), problems);
  for (auto& each : problems) in.problem_at(std::move(each.where), std::move(each.detail));
  return out;
}

read_import read_agent_record(const json::value& from, field_reader& in) {
  imported_agent out;
  out.fresh.id = read_id(in, "id", agent_prefix).value_or("");
  out.fresh.organization_id = read_id(in, "organization_id", organization_prefix).value_or("");
  read_form(from, in, [](field_reader& fields) { return read_agent(fields); }, out);
  out.fresh.execution_count = in.count("execution_count", 0).value_or(0);
  out.fresh.created_at = read_created_at(in);
  out.config = read_part(in, "config");
  out.tools = read_part(in, "tools");
  return finished(in, std::move(out));
}

read_import read_listing_record(const json::value& from, field_reader& in) {
  imported<listing> out;
  out.fresh.id = read_id(in, "id", listing_prefix).value_or("");
  read_form(from, in, [](field_reader& fields) { return read_listing(fields); }, out);
  out.fresh.install_count = in.count("install_count", 0).value_or(0);
  out.fresh.created_at = read_created_at(in);
  return finished(in, std::move(out));
}

constexpr std::array<std::string_view, 4> types{"organization", "user", "agent", "listing"};

// "io.github.redis/mcp-redis" is published by "redis": the last label of the name's owner.
std::string publisher_of(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  const auto owner = name.substr(0, slash);
  return std::string(owner.substr(owner.rfind('.') + 1));
}

const json::value* member(const json::value& of, std::string_view name) {
  const auto* object = of.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

json::value packages_of(const json::value& server) {
  json::array all;
  if (const auto* packages = member(server, "packages"); packages != nullptr && !packages->is_null()) {
    if (!packages->is_array()) return *packages;  // the form says what is wrong with it
    all = packages->get_array();
  }
  if (const auto* remotes = member(server, "remotes"); remotes != nullptr && remotes->is_array()) {
    for (const auto& each : remotes->get_array()) {
      json::value remote = each;
      if (auto* fields = remote.if_object()) fields->emplace("registry_name", "remote");
      all.push_back(std::move(remote));
    }
  }
  return all;
}

// Where a problem of the listing stands in the server it was made from.
std::string server_pointer(const std::string& pointer) {
  if (pointer == "/repository_url") return "/repository/url";
  if (pointer == "/created_at") return "/version_detail/release_date";
  if (pointer == "/publisher") return "/name";
  return pointer;
}

}  // namespace

read_import read_record(const json::value& from) {
  field_reader in(from, mode::create);
  const auto type = in.choice("type", types);
  if (type == "organization") return read_organization_record(from, in);
  if (type == "user") return read_user_record(from, in);
  if (type == "agent") return read_agent_record(from, in);
  if (type == "listing") return read_listing_record(from, in);
  // Without a type the other fields mean nothing: only this is wrong.
  field_reader only(from, mode::create);
  only.choice("type", types);
  if (const auto* object = from.if_object()) {
    for (const auto& each : *object) only.any(each.key());
  }
  return std::unexpected(only.finish());
}

read_import read_registry_server(const json::value& from) {
  if (!from.is_object()) return read_record(from);
  const auto or_null = [](const json::value* value) { return value == nullptr ? json::value() : *value; };
  const auto* repository = member(from, "repository");
  const auto* detail = member(from, "version_detail");
  const auto* name = member(from, "name");
  json::object made{
      {"name", or_null(name)},
      {"description", or_null(member(from, "description"))},
      {"repository_url", repository == nullptr ? json::value() : or_null(member(*repository, "url"))},
      {"packages", packages_of(from)},
      {"created_at", detail == nullptr ? json::value() : or_null(member(*detail, "release_date"))}};
  if (name != nullptr && name->is_string()) made["publisher"] = publisher_of(name->get_string());

  const json::value listing_value(std::move(made));
  field_reader in(listing_value, mode::create);
  imported<listing> out;
  const auto* id = member(from, "id");
  if (id == nullptr || !id->is_string()) {
    in.problem("id", id == nullptr ? "is missing" : "must be a string");
  } else if (id->get_string().empty()) {
    in.problem("id", "must not be empty");
  } else {
    out.fresh.id = stable_id(listing_prefix, "mcp-registry/" + std::string(id->get_string()));
  }
  read_form(listing_value, in, [](field_reader& fields) { return read_listing(fields); }, out);
  out.fresh.created_at = read_created_at(in);
  auto problems = in.finish();
  if (problems.empty()) return out;
  for (auto& each : problems) each.where = server_pointer(each.where);
  return std::unexpected(std::move(problems));
}

}  // namespace strata::platform
