#include "platform/input_schemas.hpp"

#include "platform/passwords.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strata::platform {

namespace {

constexpr text_rule name_rule{.min = 1, .max = 200};
constexpr text_rule description_rule{.max = 2000, .lines = true, .otherwise = ""};

template <class T>
void set(T& to, const std::optional<T>& from) {
  if (from) to = *from;
}

bool is_permission(std::string_view text) {
  const auto colon = text.find(':');
  const auto is_name = [](std::string_view part) {
    return !part.empty() && part.size() <= 64 &&
           std::ranges::all_of(part, [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '*'; });
  };
  return colon != std::string_view::npos && is_name(text.substr(0, colon)) && is_name(text.substr(colon + 1));
}

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

std::optional<strata::json::raw> read_packages(field_reader& in) {
  const auto* found = in.any("packages");
  if (found == nullptr) return {};
  if (found->is_null()) return strata::json::raw{"[]"};
  const auto* items = found->if_array();
  if (items == nullptr || !std::ranges::all_of(*items, [](const auto& each) { return each.is_object(); })) {
    in.problem("packages", "must be an array of objects");
    return {};
  }
  auto text = strata::json::to_text(*found);
  if (text.size() > max_packages) {
    in.problem("packages",
               fmt::format("must be at most {} bytes of JSON, not {}", max_packages, text.size()));
    return {};
  }
  return strata::json::raw{std::move(text)};
}

}  // namespace

agent_input read_agent(field_reader& in) {
  agent_input out;
  out.name = in.text("name", name_rule);
  out.description = in.text("description", description_rule);
  out.status = in.choice("status", agent_statuses, "active");
  out.is_public = in.flag("is_public", false);
  return out;
}

void agent_input::apply(agent& to) const {
  set(to.name, name);
  set(to.description, description);
  set(to.status, status);
  set(to.is_public, is_public);
}

user_input read_user(field_reader& in) {
  user_input out;
  out.email = in.text("email", {.min = 3, .max = 254});
  if (out.email && !plausible_email(*out.email)) {
    in.problem("email", "must be an email address");
    out.email.reset();
  }
  out.name = in.text("name", name_rule);
  out.is_admin = in.flag("is_admin", false);
  return out;
}

void user_input::apply(user& to) const {
  set(to.email, email);
  set(to.name, name);
  set(to.is_admin, is_admin);
}

organization_input read_organization(field_reader& in) {
  organization_input out;
  out.name = in.text("name", name_rule);
  out.plan = in.choice("plan", plans, "free");
  return out;
}

void organization_input::apply(organization& to) const {
  set(to.name, name);
  set(to.plan, plan);
}

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
  set(to.name, name);
  set(to.description, description);
  set(to.publisher, publisher);
  set(to.repository_url, repository_url);
  set(to.packages, packages);
}

login_input read_login(field_reader& in) {
  login_input out;
  out.email = in.text("email", {.min = 1, .max = 254});
  // Any text is a password, control characters included; only its length is bounded.
  const auto* password = in.any("password");
  if (password == nullptr) {
    in.problem("password", "is missing");
  } else if (const auto* text = password->if_string(); text == nullptr) {
    in.problem("password", "must be a string");
  } else if (text->empty() || text->size() > max_password_length) {
    in.problem("password", fmt::format("must have 1 to {} bytes", max_password_length));
  } else {
    out.password.emplace(*text);
  }
  return out;
}

std::optional<std::vector<std::string>> read_permissions(field_reader& in) {
  const auto* found = in.any("permissions");
  if (found == nullptr) {
    in.problem("permissions", "is missing");
    return {};
  }
  const auto* items = found->if_array();
  if (items == nullptr || items->size() > 100) {
    in.problem("permissions",
               items == nullptr ? "must be an array of strings" : "must have at most 100 items");
    return {};
  }
  std::vector<std::string> out;
  bool sound = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto* text = (*items)[i].if_string();
    if (text == nullptr || !is_permission(*text)) {
      in.problem_at(fmt::format("/permissions/{}", i), "must be a name of the form agents:write");
      sound = false;
    } else {
      out.emplace_back(*text);
    }
  }
  if (!sound) return {};
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::optional<strata::json::raw> read_document(const boost::json::value& from, const std::string& pointer,
                                               std::vector<field_problem>& problems) {
  if (!from.is_object()) {
    problems.push_back({pointer, "must be a JSON object"});
    return {};
  }
  auto text = strata::json::to_text(from);
  if (text.size() > max_document) {
    problems.push_back(
        {pointer, fmt::format("must be at most {} bytes of JSON, not {}", max_document, text.size())});
    return {};
  }
  return strata::json::raw{std::move(text)};
}

}  // namespace strata::platform
