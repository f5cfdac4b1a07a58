#include "server/response.hpp"

#include "http/compose.hpp"
#include "http/conditions.hpp"
#include "http/syntax.hpp"
#include "server/conditions.hpp"

#include <stdexcept>

namespace strata::server {

response& response::add(std::string_view name, std::string_view value) {
  if (!http::is_token(name)) throw std::invalid_argument("the name of a field is not a token");
  if (!http::is_field_value(value)) {
    throw std::invalid_argument("the value of " + std::string(name) + " holds a control character");
  }
  fields_.push_back({std::string(name), std::string(value)});
  return *this;
}

response json(int status, std::string text) {
  response answer;
  answer.status = status;
  answer.body = std::move(text);
  answer.content_type = "application/json";
  return answer;
}

response ok(std::shared_ptr<const representation> content) {
  response answer;
  answer.content = std::move(content);
  return answer;
}

response problem(int status, std::string_view title, std::string_view detail,
                 std::span<const field_problem> errors) {
  std::vector<http::problem_entry> entries;
  entries.reserve(errors.size());
  for (const auto& each : errors) entries.push_back({each.where, each.detail});
  response answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  http::append_problem(answer.body, status, title, detail, entries);
  return answer;
}

response no_content() {
  response answer;
  answer.status = 204;
  return answer;
}

response created(std::string_view location, std::string json_text) {
  auto answer = json(201, std::move(json_text));
  answer.add("Location", location);
  return answer;
}

response redirect(std::string_view location) {
  response answer;
  answer.status = 302;
  answer.cache_control = "public, max-age=3600";
  answer.add("Location", location);
  return answer;
}

std::optional<response> check_preconditions(const request& from, std::string_view etag,
                                            std::optional<wall_time> last_modified) {
  const requested_conditions requested(from);
  if (!requested.any()) return {};
  http::validators current{.etag = etag, .last_modified = {}, .exists = !etag.empty()};
  if (last_modified) current.last_modified = std::chrono::floor<std::chrono::seconds>(*last_modified);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto verdict = http::evaluate(requested.get(), current, false, now);
  switch (verdict.result) {
    case http::verdict::outcome::bad_request:
      return problem(400, verdict.why);
    case http::verdict::outcome::precondition_failed:
    case http::verdict::outcome::not_modified:
      return problem(412, verdict.why);
    case http::verdict::outcome::proceed:
      break;
  }
  return {};
}

}  // namespace strata::server
