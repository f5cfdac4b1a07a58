#include "cli/admin_client.hpp"

#include "cli/http_client.hpp"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include <utility>

namespace strata::cli {

namespace {

/// The detail of a problem document (RFC 9457) with the problem of each field.
std::string problem_text(const http_answer& answer) {
  const auto parsed = json::parse(answer.body);
  if (!parsed || !parsed->is_object()) return fmt::format("the gateway answered {}", answer.status);
  const auto text = [](const boost::json::object& from, std::string_view name) -> std::string {
    const auto* found = from.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  std::string out = text(parsed->get_object(), "detail");
  if (out.empty()) out = fmt::format("the gateway answered {}", answer.status);
  if (const auto* errors = parsed->get_object().if_contains("errors");
      errors != nullptr && errors->is_array()) {
    for (const auto& each : errors->get_array()) {
      if (const auto* problem = each.if_object()) {
        for (const auto& member : *problem) {
          if (member.value().is_string())
            out += fmt::format("{}{}", &member == problem->begin() ? "; " : " ",
                               member.value().get_string().c_str());
        }
      }
    }
  }
  return out;
}

}  // namespace

admin_client::admin_client(std::string_view command, admin_address address)
    : command_(command), address_(std::move(address)) {
}

std::optional<std::string> admin_client::get(std::string target) const {
  return call("GET", std::move(target), {});
}

std::optional<std::string> admin_client::post(std::string target, std::string json) const {
  return call("POST", std::move(target), std::move(json));
}

std::optional<std::string> admin_client::call(std::string method, std::string target,
                                              std::string json) const {
  auto answer = cli::call({.address = address_.url,
                           .token = address_.token,
                           .method = std::move(method),
                           .target = std::move(target),
                           .json = std::move(json)});
  if (!answer) {
    report(answer.error().detail);
    return std::nullopt;
  }
  if (answer->status != 200) {
    report(problem_text(*answer));
    return std::nullopt;
  }
  return std::move(answer->body);
}

void admin_client::report(std::string_view problem) const {
  print_error(fmt::format("{}: {}", command_, problem));
}

void admin_client::print_line(const std::string& text) {
  fmt::print("{}\n", text);
}

void admin_client::report_unreadable(const error& why) const {
  report(fmt::format("the gateway's answer cannot be read; it may be of another version: {}", why.detail));
}

}  // namespace strata::cli
