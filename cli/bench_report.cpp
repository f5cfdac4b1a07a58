#include "cli/bench_report.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <algorithm>
#include <boost/describe.hpp>

namespace strata::cli {

namespace {

/// One replay. Users rely on these names and their order.
struct replay_body {
  std::string trace;
  double object_miss_ratio = 0, byte_miss_ratio = 0;
  std::uint64_t requests = 0, objects = 0, bytes = 0, requested_bytes = 0;
  std::string policy, objective;
  std::optional<std::uint64_t> memory, capacity;
  std::uint64_t misses = 0, missed_bytes = 0, evictions = 0, expirations = 0, rejected = 0, entries = 0,
                used = 0;
};
BOOST_DESCRIBE_STRUCT(replay_body, (),
                      (trace, object_miss_ratio, byte_miss_ratio, requests, objects, bytes, requested_bytes,
                       policy, objective, memory, capacity, misses, missed_bytes, evictions, expirations,
                       rejected, entries, used))

struct policy_body {
  std::string policy;
  double object_miss_ratio = 0, byte_miss_ratio = 0;
};
BOOST_DESCRIBE_STRUCT(policy_body, (), (policy, object_miss_ratio, byte_miss_ratio))

struct point_body {
  double fraction = 0;
  std::uint64_t size = 0;
  std::vector<policy_body> policies;
};
BOOST_DESCRIBE_STRUCT(point_body, (), (fraction, size, policies))

struct sweep_body {
  std::string trace;
  std::uint64_t requests = 0, objects = 0, bytes = 0, requested_bytes = 0;
  std::string counts, objective;
  std::uint64_t whole = 0;
  std::vector<point_body> points;
};
BOOST_DESCRIBE_STRUCT(sweep_body, (),
                      (trace, requests, objects, bytes, requested_bytes, counts, objective, whole, points))

std::string_view name_of(replay_counts counts) {
  return counts == replay_counts::memory ? "memory" : "capacity";
}

replay_body body_of(const trace_contents& what, const replay_run& how) {
  const auto& got = how.result;
  replay_body out{.trace = what.trace,
                  .object_miss_ratio = got.object_miss_ratio(),
                  .byte_miss_ratio = got.byte_miss_ratio(),
                  .requests = what.requests,
                  .objects = what.objects,
                  .bytes = what.bytes,
                  .requested_bytes = what.requested_bytes,
                  .policy = std::string(name(how.options.policy)),
                  .objective = std::string(name(how.options.objective)),
                  .misses = got.misses,
                  .missed_bytes = got.missed_size.count,
                  .evictions = got.evictions,
                  .expirations = got.expirations,
                  .rejected = got.rejected,
                  .entries = got.entries,
                  .used = got.used.count};
  (how.options.counts == replay_counts::memory ? out.memory : out.capacity) = how.options.size.count;
  return out;
}

}  // namespace

std::string readable_size(std::uint64_t size, bool bytes) {
  if (!bytes) return fmt::format("{}", size);
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto scaled = static_cast<double>(size);
  std::size_t unit = 0;
  while (scaled >= 1023.95 && unit + 1 < std::size(units)) {
    scaled /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", size) : fmt::format("{:.1f} {}", scaled, units[unit]);
}

bool sizes_are_bytes(const trace_contents& what, const capacity_sweep& of) {
  return what.has_sizes || of.counts == replay_counts::memory;
}

std::string replay_text(const trace_contents& what, const replay_run& how) {
  const auto all = body_of(what, how);
  std::string out;
  const auto line = [&](std::string_view name, auto value) {
    out += fmt::format("{:<18} {}\n", name, value);
  };
  line("object_miss_ratio", fmt::format("{:.6f}", all.object_miss_ratio));
  line("byte_miss_ratio", fmt::format("{:.6f}", all.byte_miss_ratio));
  line("requests", all.requests);
  line("objects", all.objects);
  line("bytes", all.bytes);
  line("requested_bytes", all.requested_bytes);
  line("policy", all.policy);
  line("objective", all.objective);
  line(name_of(how.options.counts), how.options.size.count);
  line("evictions", all.evictions);
  line("expirations", all.expirations);
  line("rejected", all.rejected);
  line("entries", all.entries);
  line("used", all.used);
  return out;
}

std::string replay_json(const trace_contents& what, const replay_run& how) {
  return json::text_of(body_of(what, how)) + '\n';
}

std::string sweep_text(const trace_contents& what, const capacity_sweep& of) {
  const bool bytes = sizes_are_bytes(what, of);
  std::string out = fmt::format(
      "{}: {} requests for {} objects {}\n{}\n\n", what.trace, what.requests, what.objects,
      what.has_sizes ? "of " + readable_size(what.bytes, true) : "without sizes",
      of.counts == replay_counts::memory
          ? fmt::format("memory: all that a cache uses; {} hold every object", readable_size(of.whole, true))
          : std::string("capacity: the trace's own sizes alone"));
  const auto width = static_cast<int>(9 * (of.points.empty() ? 0 : of.points.front().policies.size()));
  out += fmt::format("{:>22}  {:>{}}   {:>{}}\n{:>9}{:>13}  ", "", "object_miss_ratio", std::max(width, 18),
                     "byte_miss_ratio", std::max(width, 18), "fraction", name_of(of.counts));
  const int gap = std::max(18 - width, 0);
  const auto policies = [&](const sweep_point& point, auto cell) {
    std::string cells(static_cast<std::size_t>(gap), ' ');
    for (const auto& each : point.policies) cells += cell(each);
    return cells;
  };
  const auto both = [&](const sweep_point& point, auto first, auto second) {
    return policies(point, first) + "   " + policies(point, second) + '\n';
  };
  const auto heading = [](const replay_run& each) { return fmt::format("{:>9}", name(each.options.policy)); };
  if (!of.points.empty()) out += both(of.points.front(), heading, heading);
  for (const auto& point : of.points) {
    out += fmt::format("{:>7.4g} %{:>13}{} ", point.fraction * 100, readable_size(point.size, bytes),
                       point.requested ? '<' : ' ');
    out += both(
        point,
        [](const replay_run& each) { return fmt::format("{:>9.4f}", each.result.object_miss_ratio()); },
        [](const replay_run& each) { return fmt::format("{:>9.4f}", each.result.byte_miss_ratio()); });
  }
  return out;
}

std::string sweep_json(const trace_contents& what, const capacity_sweep& of) {
  sweep_body out{.trace = what.trace,
                 .requests = what.requests,
                 .objects = what.objects,
                 .bytes = what.bytes,
                 .requested_bytes = what.requested_bytes,
                 .counts = std::string(name_of(of.counts)),
                 .objective = std::string(),
                 .whole = of.whole,
                 .points = {}};
  for (const auto& point : of.points) {
    auto& to = out.points.emplace_back(point_body{point.fraction, point.size, {}});
    for (const auto& each : point.policies) {
      out.objective = std::string(name(each.options.objective));
      to.policies.push_back({std::string(name(each.options.policy)), each.result.object_miss_ratio(),
                             each.result.byte_miss_ratio()});
    }
  }
  return json::text_of(out) + '\n';
}

}  // namespace strata::cli
