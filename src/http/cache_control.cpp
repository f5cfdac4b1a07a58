#include "http/cache_control.hpp"

#include "http/syntax.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace strata::http {

namespace {

using seconds = std::chrono::seconds;

constexpr seconds longest{std::int64_t{1} << 31};

struct flag {
  std::string_view name;
  bool cache_control::* member;
};
constexpr std::array flags{
    flag{"public", &cache_control::is_public},
    flag{"private", &cache_control::is_private},
    flag{"no-store", &cache_control::no_store},
    flag{"no-cache", &cache_control::no_cache},
    flag{"no-transform", &cache_control::no_transform},
    flag{"must-revalidate", &cache_control::must_revalidate},
    flag{"proxy-revalidate", &cache_control::proxy_revalidate},
    flag{"must-understand", &cache_control::must_understand},
    flag{"only-if-cached", &cache_control::only_if_cached},
    flag{"immutable", &cache_control::immutable},
};

struct lifetime {
  std::string_view name;
  std::optional<seconds> cache_control::* member;
};
constexpr std::array lifetimes{
    lifetime{"max-age", &cache_control::max_age},
    lifetime{"s-maxage", &cache_control::s_maxage},
    lifetime{"stale-while-revalidate", &cache_control::stale_while_revalidate},
    lifetime{"stale-if-error", &cache_control::stale_if_error},
    lifetime{"min-fresh", &cache_control::min_fresh},
    lifetime{"max-stale", &cache_control::max_stale},
};

const flag* find_flag(std::string_view name) {
  const auto found = std::ranges::find_if(flags, [&](const flag& each) { return iequals(each.name, name); });
  return found == flags.end() ? nullptr : &*found;
}

const lifetime* find_lifetime(std::string_view name) {
  const auto found =
      std::ranges::find_if(lifetimes, [&](const lifetime& each) { return iequals(each.name, name); });
  return found == lifetimes.end() ? nullptr : &*found;
}

seconds read_lifetime(const parameter_text& directive) {
  if (!directive.value) return iequals(directive.name, "max-stale") ? seconds::max() : seconds(0);
  const auto number = parse_number(*directive.value);
  if (!number) return seconds(0);
  return *number > static_cast<std::uint64_t>(longest.count()) ? longest
                                                               : seconds(static_cast<std::int64_t>(*number));
}

}  // namespace

cache_control parse_cache_control(std::string_view text) {
  cache_control found;
  list_reader list(text);
  while (const auto element = list.next()) {
    const auto directive = split_parameter(*element);
    if (const auto* is_flag = find_flag(directive.name)) {
      found.*(is_flag->member) = true;
    } else if (const auto* lives = find_lifetime(directive.name)) {
      auto& member = found.*(lives->member);
      const auto read = read_lifetime(directive);
      member = member ? std::min(*member, read) : read;
    }
  }
  return found;
}

std::string to_text(const cache_control& directives) {
  std::string out;
  const auto separate = [&] {
    if (!out.empty()) out += ", ";
  };
  for (const auto& each : flags) {
    if (!(directives.*(each.member))) continue;
    separate();
    out += each.name;
  }
  for (const auto& each : lifetimes) {
    const auto& value = directives.*(each.member);
    if (!value) continue;
    separate();
    out += each.name;
    if (*value != seconds::max()) {
      out += '=';
      out += std::to_string(value->count());
    }
  }
  return out;
}

std::optional<std::string> find_problem(std::string_view text) {
  std::vector<std::string_view> seen;
  list_reader list(text);
  while (const auto element = list.next()) {
    const auto directive = split_parameter(*element);
    const std::string name(directive.name);
    if (std::ranges::any_of(seen, [&](auto each) { return iequals(each, name); })) {
      return name + " is repeated";
    }
    seen.push_back(directive.name);
    if (find_flag(name) != nullptr) {
      if (directive.value) return name + " takes no value";
    } else if (find_lifetime(name) != nullptr) {
      if (!directive.value || !parse_number(*directive.value)) return name + " needs a number of seconds";
    } else {
      return name + " is not a directive";
    }
  }
  if (seen.empty()) return "it is empty";
  const auto read = parse_cache_control(text);
  if (read.is_public && read.is_private) return "public and private contradict each other";
  if (read.no_store && (read.max_age || read.s_maxage))
    return "no-store and a lifetime contradict each other";
  return {};
}

}  // namespace strata::http
