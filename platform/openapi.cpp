#include "platform/endpoints.hpp"
#include "platform/json_schema.hpp"

#include <fmt/format.h>

#include <map>
#include <stdexcept>

namespace strata::platform {

namespace {

namespace server = strata::server;
using pairs = std::vector<std::pair<std::string, std::string>>;  // names and JSON texts

using schema_map = std::map<std::string, std::string, std::less<>>;

schema_map schemas_of(const std::vector<entity_definition>& entities) {
  schema_map all{
      {"document", R"({"type":"object","description":"any JSON object, at most 256 KiB"})"},
      {"problem",
       R"({"type":"object","description":"RFC 9457","required":["status"],"properties":{"type":{"type":"string"},)"
       R"("title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},)"
       R"("errors":{"type":"array","items":{"type":"object"}}}})"},
  };
  const auto add = [&](std::vector<named_schema> from) {
    for (auto& each : from) {
      if (!all.insert(std::move(each)).second) throw std::logic_error("two schemas have one name");
    }
  };
  for (const auto& each : entities) {
    if (each.schemas != nullptr) add(each.schemas());
  }
  return all;
}

void check_names(const std::vector<endpoint>& all, const schema_map& schemas) {
  for (const auto& each : all) {
    for (const auto name : {each.response, each.request}) {
      if (!name.empty() && !schemas.contains(name))
        throw std::logic_error("no schema is called " + std::string(name));
    }
  }
}

std::string reference(std::string_view schema) {
  return fmt::format(R"({{"$ref":"#/components/schemas/{}"}})", schema);
}

std::string content(std::string_view type, std::string_view schema) {
  return object_of({{std::string(type), object_of({{"schema", reference(schema)}})}});
}

std::string problem_response(std::string_view about) {
  return object_of(
      {{"description", quoted(about)}, {"content", content("application/problem+json", "problem")}});
}

std::string parameters_of(const endpoint& of) {
  std::string out = "[";
  const auto add = [&](std::string text) {
    if (out.size() > 1) out += ',';
    out += text;
  };
  if (of.pattern.contains("{id}")) {
    add(R"({"name":"id","in":"path","required":true,"schema":{"type":"string"}})");
  }
  for (const auto& each : of.query) {
    add(object_of({{"name", quoted(each.name)},
                   {"in", R"("query")"},
                   {"description", quoted(each.about)},
                   {"schema", std::string(each.schema)}}));
  }
  using enum server::method;
  if (of.on == patch || of.on == put || of.on == delete_) {
    add(R"({"name":"If-Match","in":"header","schema":{"type":"string"}})");
  }
  if (of.on == get && !of.cache_control.empty()) {
    add(R"({"name":"If-None-Match","in":"header","schema":{"type":"string"}})");
  }
  if (of.who != access::login && !of.pattern.starts_with("/auth/")) {
    add(R"({"name":"Strata-Mark","in":"header","description":"the last one an answer had: what is read is at least )"
        R"(as new as that write, whichever gateway answers","schema":{"type":"string","maxLength":40}})");
  }
  return out + ']';
}

/// A header of the response to a write.
constexpr std::string_view token_header =
    R"({"Strata-Mark":{"description":"to be sent along with the next requests, so that they see this write",)"
    R"("schema":{"type":"string","maxLength":40}}})";

std::string responses_of(const endpoint& of) {
  using enum server::method;
  pairs good{{"description", quoted(of.response.empty() ? "done" : of.response)}};
  if (!of.response.empty()) good.emplace_back("content", content("application/json", of.response));
  if (of.on != get && !of.pattern.starts_with("/auth/")) good.emplace_back("headers", token_header);
  pairs out{{std::to_string(of.success), object_of(good)}};
  if (of.on == get && !of.cache_control.empty()) {
    out.emplace_back("304", R"({"description":"not modified since the ETag of If-None-Match"})");
  }
  if (!of.request.empty()) out.emplace_back("400", problem_response("malformed JSON, with its position"));
  if (of.who != access::anyone)
    out.emplace_back("401", problem_response("no session, or email or password wrong"));
  if (!of.needs.empty()) {
    out.emplace_back("403", problem_response("without the permission " + std::string(of.needs)));
  } else if (of.who == access::admin || of.on == patch || of.pattern.ends_with("/settings") ||
             of.pattern.ends_with("/permissions")) {
    out.emplace_back("403", problem_response("not for this user"));
  }
  if (of.pattern.contains("{id}")) out.emplace_back("404", problem_response("not there, or not yours"));
  if (of.on == patch || of.on == put || of.on == delete_) {
    out.emplace_back("412", problem_response("another version than If-Match names"));
  }
  out.emplace_back("422", problem_response("wrong fields or query parameters, each with its place"));
  out.emplace_back("429", problem_response("too many requests; see Retry-After"));
  out.emplace_back("503", problem_response("the source is down; see Retry-After"));
  return object_of(out);
}

std::string operation_of(const endpoint& of) {
  pairs out{
      {"summary", quoted(of.about)}, {"parameters", parameters_of(of)}, {"responses", responses_of(of)}};
  if (!of.request.empty()) {
    const bool is_patch = of.on == server::method::patch;
    const auto body = content(is_patch ? "application/merge-patch+json" : "application/json", of.request);
    out.emplace_back("requestBody", object_of({{"required", "true"}, {"content", body}}));
  }
  const bool open = of.who == access::anyone || of.who == access::login;
  // Of schemes other than OAuth the list names roles (OpenAPI 3.1, Security Requirement Object).
  const auto roles = of.needs.empty() ? std::string() : quoted(of.needs);
  out.emplace_back("security",
                   open ? "[]" : fmt::format(R"([{{"bearer":[{0}]}},{{"cookie":[{0}]}}])", roles));
  return object_of(out);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

}  // namespace

std::string openapi_text(const std::vector<entity_definition>& entities) {
  const auto all = endpoints(entities);
  const auto schemas = schemas_of(entities);
  check_names(all, schemas);
  std::vector<std::string> order;
  std::map<std::string, pairs> by_path;
  for (const auto& each : all) {
    const std::string path(each.pattern);
    if (!by_path.contains(path)) order.push_back(path);
    by_path[path].emplace_back(lower(server::name(each.on)), operation_of(each));
  }
  pairs paths;
  for (const auto& path : order) paths.emplace_back(path, object_of(by_path[path]));
  pairs named;
  for (const auto& [name, text] : schemas) named.emplace_back(name, text);
  const std::string schemes =
      R"({"bearer":{"type":"http","scheme":"bearer"},"cookie":{"type":"apiKey","in":"cookie","name":"strata_session"}})";
  return object_of(
      {{"openapi", R"("3.1.0")"},
       {"info",
        R"({"title":"AI Agent Platform","version":"1.0.0","description":"Users, organizations, agents )"
        R"(and a public marketplace behind Strata's layered cache. HEAD works where GET does; answers say )"
        R"(in Cache-Status how the cache took part."})"},
       {"paths", object_of(paths)},
       {"components", object_of({{"schemas", object_of(named)}, {"securitySchemes", schemes}})}});
}

}  // namespace strata::platform
