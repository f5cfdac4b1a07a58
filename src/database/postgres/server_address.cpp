#include "database/postgres/server_address.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace strata::detail {

namespace {

using option_list = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

option_list parsed(const std::string& url, std::string& problem) {
  char* message = nullptr;
  option_list found(PQconninfoParse(url.c_str(), &message), &PQconninfoFree);
  if (message != nullptr) {
    // libpq quotes the part that it does not understand, and that may be a password.
    problem = message;
    problem.erase(std::min(problem.find('"'), problem.size()));
    while (!problem.empty() && (problem.back() == ' ' || problem.back() == ':' || problem.back() == '\n')) {
      problem.pop_back();
    }
    PQfreemem(message);
  }
  return found;
}

/// False if these options name servers that take no writes.
bool writes_somewhere(const PQconninfoOption* options) {
  constexpr std::array<std::string_view, 3> accepted{"any", "read-write", "primary"};
  for (const auto* each = options; each != nullptr && each->keyword != nullptr; ++each) {
    if (std::string_view(each->keyword) != "target_session_attrs" || each->val == nullptr) continue;
    return std::ranges::find(accepted, std::string_view(each->val)) != accepted.end();
  }
  return true;
}

std::int64_t milliseconds(duration of) {
  return std::chrono::ceil<std::chrono::milliseconds>(of).count();
}

/// The settings of our sessions, in the form of the server's command line.
std::string session_options(const postgres_options& options, bool reads) {
  // An abandoned statement ends when the server notices that the client has disconnected.
  auto out = fmt::format(
      "-c statement_timeout={} -c idle_in_transaction_session_timeout={} -c "
      "client_connection_check_interval=1000"
      " -c client_min_messages=warning -c standard_conforming_strings=on -c bytea_output=hex -c datestyle=ISO"
      " -c timezone=UTC -c intervalstyle=postgres -c lc_monetary=C -c extra_float_digits=1",
      milliseconds(options.statement_timeout), milliseconds(options.transaction_timeout));
  if (reads) out += " -c default_transaction_read_only=on";
  return out;
}

}  // namespace

server_address::server_address(const postgres_options& options) {
  std::string ignored;
  std::string given_options;
  if (!options.url.empty()) {
    const auto found = parsed(options.url, ignored);
    for (const auto* each = found.get(); each != nullptr && each->keyword != nullptr; ++each) {
      if (each->val == nullptr) continue;
      if (std::string_view(each->keyword) == "options") {
        given_options = std::string(each->val) + ' ';
      } else {
        set(each->keyword, each->val);
      }
    }
  }
  const std::pair<const char*, const std::string&> fields[] = {
      {"host", options.host},         {"dbname", options.database}, {"user", options.user},
      {"password", options.password}, {"sslmode", options.sslmode}, {"sslrootcert", options.sslrootcert},
      {"sslcert", options.sslcert},   {"sslkey", options.sslkey},
  };
  for (const auto& [name, value] : fields) {
    if (!value.empty()) set(name, value);
  }
  if (options.port != 0) set("port", std::to_string(options.port));
  set("client_encoding", "UTF8");
  set("fallback_application_name", "strata");
  if (std::ranges::find(settings_, "gssencmode", &std::pair<std::string, std::string>::first) ==
      settings_.end()) {
    set("gssencmode", "disable");  // asking a Kerberos that is not there takes its time
  }
  for (const auto& [name, value] : settings_) {
    if (name == "password") password_ = value;
    // Our own reading sessions are read-only, so libpq would find none that may write.
    if (name == "target_session_attrs" && value == "read-write") reading_target_ = "primary";
  }
  reading_options_ = given_options + session_options(options, true);
  writing_options_ = given_options + session_options(options, false);
}

void server_address::set(std::string_view name, std::string value) {
  const auto found = std::ranges::find(settings_, name, &std::pair<std::string, std::string>::first);
  if (found != settings_.end()) {
    found->second = std::move(value);
  } else {
    settings_.emplace_back(name, std::move(value));
  }
}

server_address::keywords server_address::for_role(role as) const {
  keywords out;
  for (const auto& [name, value] : settings_) {
    out.names.push_back(name.c_str());
    const bool replaced = as == role::reading && !reading_target_.empty() && name == "target_session_attrs";
    out.values.push_back((replaced ? reading_target_ : value).c_str());
  }
  out.names.push_back("options");
  out.values.push_back((as == role::reading ? reading_options_ : writing_options_).c_str());
  out.names.push_back(nullptr);
  out.values.push_back(nullptr);
  return out;
}

std::string server_address::without_password(std::string text) const {
  if (password_.empty()) return text;
  for (auto at = text.find(password_); at != std::string::npos; at = text.find(password_, at + 3)) {
    text.replace(at, password_.size(), "***");
  }
  return text;
}

std::vector<std::string> problems_of(const postgres_options& options) {
  std::vector<std::string> found;
  if (options.url.empty() && options.host.empty() && options.database.empty()) {
    found.emplace_back("postgres url: must name a server, e.g. postgres://user@host/database");
  }
  if (!options.url.empty()) {
    std::string problem;
    const auto given = parsed(options.url, problem);
    if (!writes_somewhere(given.get())) {
      found.emplace_back(
          "postgres url: target_session_attrs must be any, read-write or primary: a standby takes no writes, "
          "and "
          "caches that read from one miss changes");
    }
    if (!problem.empty()) found.push_back(fmt::format("postgres url: is not one: {}", problem));
  }
  const auto holds_nul = [](const std::string* text) { return text->contains('\0'); };
  const std::array texts{&options.url,         &options.host,     &options.database,
                         &options.user,        &options.password, &options.sslmode,
                         &options.sslrootcert, &options.sslcert,  &options.sslkey};
  if (std::ranges::any_of(texts, holds_nul)) found.emplace_back("postgres: an option holds a NUL byte");
  constexpr std::array<std::string_view, 7> modes{"",        "disable",   "allow",      "prefer",
                                                  "require", "verify-ca", "verify-full"};
  if (std::ranges::find(modes, std::string_view(options.sslmode)) == modes.end()) {
    found.emplace_back("postgres sslmode: must be disable, allow, prefer, require, verify-ca or verify-full");
  }
  const auto within = [&](const char* name, auto value, auto low, auto high, const char* range) {
    if (value < low || value > high) found.push_back(fmt::format("postgres {}: must be {}", name, range));
  };
  using namespace std::chrono_literals;
  within("readers", options.readers, 1u, 64u, "1 to 64");
  within("writers", options.writers, 1u, 64u, "1 to 64");
  within("pipeline_depth", options.pipeline_depth, 1u, 1024u, "1 to 1024");
  within("queue_limit", options.queue_limit, 1u, 1'000'000u, "1 to 1000000");
  within("statement_timeout", options.statement_timeout, duration(1ms), duration(1h), "1 ms to 1 hour");
  within("transaction_timeout", options.transaction_timeout, duration(1ms), duration(24h),
         "1 ms to 24 hours");
  within("connect_timeout", options.connect_timeout, duration(10ms), duration(10min), "10 ms to 10 minutes");
  return found;
}

}  // namespace strata::detail
