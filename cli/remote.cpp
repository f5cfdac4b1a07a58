// Commands that ask a running gateway: get, explain, invalidate, stats.

#include "admin/bodies.hpp"
#include "cli/commands.hpp"
#include "cli/http_client.hpp"
#include "cli/program.hpp"
#include "cli/stats_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <strata/units.hpp>

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdio>
#include <thread>

namespace strata::cli {

namespace {

void complain(std::string_view command, std::string_view what) {
  fmt::print(stderr, "strata: {}: {}\n", command, what);
}

/// The sentence of a problem document, with what is wrong in which field.
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

/// The body of a 200; anything else is told and nothing.
std::optional<std::string> ask(std::string_view command, http_call what) {
  const auto answer = call(what);
  if (!answer) {
    complain(command, answer.error().detail);
    return std::nullopt;
  }
  if (answer->status != 200) {
    complain(command, problem_text(*answer));
    return std::nullopt;
  }
  return answer->body;
}

template <class T>
std::optional<T> understood(std::string_view command, std::string_view body) {
  auto read = json::read<T>(body);
  if (read) return std::move(*read);
  complain(command, fmt::format("the gateway's answer is not understood; is it of another version? {}",
                                read.error().detail));
  return std::nullopt;
}

std::string seconds(double value) {
  return fmt::format("{:.1f}s", value);
}

/// What is known about a key, for people: to standard error where standard output has its value.
void print_explanation(const admin::admin_explanation& where, std::FILE* to = stdout) {
  fmt::print(to, "{}\n  type       {}\n", where.key, where.type);
  for (const auto& each : where.levels) {
    fmt::print(to, "  {:<10} {}", each.layer, each.state);
    if (!each.reason.empty() && each.reason != "none") fmt::print(to, " ({})", each.reason);
    if (!each.detail.empty()) fmt::print(to, ": {}", each.detail);
    if (each.state == "fresh") {
      fmt::print(to, ", {} left, {} old, {}", seconds(each.ttl_seconds), seconds(each.age_seconds),
                 to_text(byte_size{each.bytes}));
      if (each.negative) fmt::print(to, ", says: not found");
    }
    if (each.asof != 0) fmt::print(to, ", as of {}", each.asof);
    if (!each.tags.empty()) fmt::print(to, ", tags {}", fmt::join(each.tags, " "));
    fmt::print(to, "\n");
  }
  if (where.in_flight) fmt::print(to, "  in flight  a factory computes it now\n");
  fmt::print(to, "  next read  {}\n", where.next_read);
}

}  // namespace

int get_key(const admin_address& admin, const std::string& key, bool json) {
  const auto body = ask(
      "get", {.address = admin.url, .token = admin.token, .target = "/cache/get?key=" + encode_query(key)});
  if (!body) return exit_failed;
  const auto answer = understood<admin::admin_cached>("get", *body);
  if (!answer) return exit_failed;
  if (json) {
    fmt::print("{}\n", *body);
  } else if (answer->hidden) {
    fmt::print(stderr,
               "strata: get: {} belongs to a sensitive entity, so only what is known about it is shown\n",
               key);
    print_explanation(answer->where);
  } else if (answer->value) {
    fmt::print("{}\n", answer->value->text);
    std::fflush(stdout);
    print_explanation(answer->where, stderr);
  } else if (!answer->cached) {
    complain("get", fmt::format("{} is not cached; strata explain tells why", key));
  } else {
    print_explanation(answer->where);
  }
  return answer->cached ? exit_ok : exit_failed;
}

int explain_key(const admin_address& admin, const std::string& key, bool json) {
  const auto body =
      ask("explain",
          {.address = admin.url, .token = admin.token, .target = "/cache/explain?key=" + encode_query(key)});
  if (!body) return exit_failed;
  if (json) {
    fmt::print("{}\n", *body);
    return exit_ok;
  }
  const auto answer = understood<admin::admin_explanation>("explain", *body);
  if (!answer) return exit_failed;
  print_explanation(*answer);
  return exit_ok;
}

int invalidate(const admin_address& admin, const invalidate_request& what) {
  const admin::admin_invalidation body{what.keys, what.tags, what.prefixes, what.patterns, what.soft};
  const auto answered = ask("invalidate", {.address = admin.url,
                                           .token = admin.token,
                                           .method = "POST",
                                           .target = "/cache/invalidate",
                                           .json = json::text_of(body)});
  if (!answered) return exit_failed;
  if (what.json) {
    fmt::print("{}\n", *answered);
    return exit_ok;
  }
  const auto done = understood<admin::admin_invalidated>("invalidate", *answered);
  if (!done) return exit_failed;
  fmt::print("{}: {} keys, {} tags, {} prefixes, {} patterns\n", what.soft ? "expired" : "invalidated",
             done->keys, done->tags, done->prefixes, done->patterns);
  return exit_ok;
}

int show_stats(const admin_address& admin, const stats_request& what) {
  const auto read = [&]() -> std::optional<std::string> {
    return ask("stats", {.address = admin.url, .token = admin.token, .target = "/cache/stats"});
  };
  if (!what.watch) {
    const auto body = read();
    if (!body) return exit_failed;
    const auto stats = what.json ? std::nullopt : understood<admin::admin_stats>("stats", *body);
    if (!what.json && !stats) return exit_failed;
    fmt::print("{}\n", what.json ? *body : stats_view(*stats, nullptr, duration::zero()));
    return exit_ok;
  }
  const auto every = parse_duration(*what.watch);
  if (!every || *every < std::chrono::milliseconds(100)) {
    complain("stats", every ? "--watch: at least 100ms" : "--watch: " + every.error().detail);
    return exit_wrong_use;
  }
  std::optional<admin::admin_stats> before;
  while (true) {  // until interrupted, or the gateway does not answer
    const auto body = read();
    if (!body) return exit_failed;
    if (what.json) {
      fmt::print("{}\n", *body);
    } else {
      auto stats = understood<admin::admin_stats>("stats", *body);
      if (!stats) return exit_failed;
      if (::isatty(STDOUT_FILENO) != 0) fmt::print("\x1b[H\x1b[2J");
      fmt::print("{}\n", stats_view(*stats, before ? &*before : nullptr, *every));
      before = std::move(stats);
    }
    std::fflush(stdout);
    std::this_thread::sleep_for(*every);
  }
}

}  // namespace strata::cli
