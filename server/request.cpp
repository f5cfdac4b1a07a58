#include "server/request.hpp"

#include "http/client_address.hpp"
#include "http/request_head.hpp"
#include "http/syntax.hpp"
#include "http/target.hpp"
#include "server/request_internals.hpp"
#include "server/router.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace strata::server {

std::string client_network(std::string_view peer) {
  if (!peer.contains(':')) return std::string(peer);
  return http::client_network(peer);
}

namespace {

constexpr std::array<std::string_view, methods> method_names{"GET",   "HEAD",   "POST",    "PUT",
                                                             "PATCH", "DELETE", "OPTIONS", "TRACE"};
constexpr std::size_t max_query_parameters = 100;
constexpr std::size_t max_request_id = 128;

std::optional<method> find_method(std::string_view text) {
  if (text == "GET") return method::get;  // nearly always
  const auto found = std::ranges::find(method_names, text);
  if (found == method_names.end()) return {};
  return static_cast<method>(found - method_names.begin());
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= max_request_id &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_encoded(std::string_view text) {
  return text.find_first_of("%+") != std::string_view::npos;
}

}  // namespace

std::string_view name(method which) noexcept {
  return method_names[static_cast<std::size_t>(which)];
}

request::request() = default;
request::~request() = default;

std::string_view request::path_parameter(std::string_view name) const noexcept {
  if (route_ == nullptr) return {};
  for (std::size_t i = 0; i < path_values_; ++i) {
    if (route_->parameters[i] == name) return path_value_[i];
  }
  return {};
}

std::optional<std::string_view> request::query(std::string_view name) const noexcept {
  for (const auto& each : query_) {
    if (each.name == name) return each.value;
  }
  return {};
}

std::size_t request::query_count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(query_, [&](const parameter& each) { return each.name == name; }));
}

std::string_view request::field(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < head_->field_count; ++i) {
    if (http::iequals(head_->fields[i].name, name)) return head_->fields[i].value;
  }
  return {};
}

bool request::has_field(std::string_view name) const noexcept {
  return std::ranges::any_of(std::span(head_->fields.data(), head_->field_count),
                             [&](const http::field& each) { return http::iequals(each.name, name); });
}

std::string request::field_list(std::string_view name) const {
  std::string joined;
  for (std::size_t i = 0; i < head_->field_count; ++i) {
    if (!http::iequals(head_->fields[i].name, name)) continue;
    if (!joined.empty()) joined += ", ";
    joined += head_->fields[i].value;
  }
  return joined;
}

std::optional<std::string_view> request::cookie(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < head_->field_count; ++i) {
    if (!http::iequals(head_->fields[i].name, "cookie")) continue;
    auto rest = head_->fields[i].value;
    while (!rest.empty()) {
      const auto pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || http::trim(pair.substr(0, equals)) != name) continue;
      auto value = http::trim(pair.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      return value;
    }
  }
  return {};
}

std::optional<refusal> request_internals::fill(request& into, const http::request_head& head,
                                               const source& from) {
  clear(into);
  into.head_ = &head;
  into.target_ = head.target;
  into.path_ = head.parts.path;
  into.body_ = from.body;
  into.peer_ = from.peer;
  into.now_ = from.now;
  into.deadline_ = from.deadline;
  into.memory_ = from.memory;
  const auto sent_id = head.value(http::known::x_request_id);
  if (is_request_id(sent_id)) {
    into.request_id_ = sent_id;
  } else {
    static constexpr char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; ++i) into.generated_id_[i] = digits[from.generated_id >> (60 - 4 * i) & 15];
    into.request_id_ = std::string_view(into.generated_id_, 16);
  }
  const auto which = find_method(head.method);
  if (!which) return refusal{501, "this server does not know the method"};
  into.method_ = *which;

  auto rest = head.parts.query;
  if (is_encoded(head.target)) into.decoded_.reserve(head.target.size());  // so that views stay valid
  const auto decode = [&](std::string_view text) -> std::optional<std::string_view> {
    if (!is_encoded(text)) return text;
    const auto start = into.decoded_.size();
    if (!http::append_decoded(into.decoded_, text, true)) return {};
    return std::string_view(into.decoded_).substr(start);
  };
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (into.query_.size() == max_query_parameters) return refusal{400, "too many query parameters"};
    const auto equals = pair.find('=');
    const auto key = decode(pair.substr(0, equals));
    const auto value =
        decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!key || !value) {
      return refusal{400, "the query is not percent-encoded UTF-8 without control characters"};
    }
    into.query_.push_back({*key, *value});
  }
  return {};
}

void request_internals::resume(request& of, std::string_view body, time_point now, time_point deadline) {
  of.body_ = body;
  of.now_ = now;
  of.deadline_ = deadline;
}

void request_internals::clear(request& of) {
  of.path_values_ = 0;
  of.route_ = nullptr;
  of.query_.clear();
  of.decoded_.clear();
  of.rate_limit.reset();
  of.response_fields.clear();
  of.principal_.reset();
  of.principal_type_ = nullptr;
}

request_internals::split request_internals::split_path(request& of, std::span<std::string_view> into) {
  split found;
  auto rest = of.path_;
  const bool encoded = rest.contains('%');
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    auto segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (encoded && segment.contains('%')) {
      const auto start = of.decoded_.size();
      if (!http::append_decoded(of.decoded_, segment, false)) {
        found.malformed = true;
        return found;
      }
      segment = std::string_view(of.decoded_).substr(start);
    }
    if (segment == "." || segment == "..") {
      found.malformed = true;
      return found;
    }
    if (found.count == into.size()) {
      found.too_many = true;
      return found;
    }
    into[found.count++] = segment;
  }
  return found;
}

test_request::test_request(std::string_view method, std::string_view target,
                           std::vector<std::pair<std::string, std::string>> fields, std::string body,
                           connection_memory* memory)
    : head_(std::make_unique<http::request_head>()) {
  text_.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  const bool has_host =
      std::ranges::any_of(fields, [](const auto& each) { return http::iequals(each.first, "host"); });
  if (!has_host) text_ += "Host: test\r\n";
  for (const auto& [key, value] : fields) text_.append(key).append(": ").append(value).append("\r\n");
  if (!body.empty()) text_.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  text_ += "\r\n";
  const auto length = text_.size();
  text_ += body;
  const auto parsed = http::parse_head(text_, {}, *head_);
  if (parsed.state != http::head_result::parse_status::complete || parsed.length != length) {
    throw std::invalid_argument("the request is malformed: " + std::string(parsed.why));
  }
  const time_point now{std::chrono::hours(1)};
  const auto refused = request_internals::fill(request_, *head_,
                                               {.body = std::string_view(text_).substr(length),
                                                .peer = "127.0.0.1",
                                                .generated_id = 1,
                                                .now = now,
                                                .deadline = now + std::chrono::seconds(30),
                                                .memory = memory});
  if (refused) throw std::invalid_argument("the request is refused: " + std::string(refused->reason));
}

test_request::~test_request() = default;

}  // namespace strata::server
