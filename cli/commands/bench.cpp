// Replays a trace of requests, to size a cache before it is bought: `strata bench trace`.

#include "cli/bench_report.hpp"
#include "cli/command.hpp"
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <strata/trace.hpp>
#include <strata/units.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>

namespace strata::cli {

namespace {

/// Sizes to try, as fractions of the size that holds every object.
constexpr double fractions[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};

int complain(const std::string& what, int status) {
  print_error("bench trace: " + what);
  return status;
}

/// What the flags of `strata bench trace` said.
struct trace_flags {
  std::string file;
  std::string memory;    ///< "64MiB"; at most one of these two; empty: not given
  std::string capacity;  ///< "441", "1GiB"
  std::string policy;    ///< empty: the default, and for a sweep all
  std::string objective;
  std::string svg;  ///< the file for a sweep's picture; empty: none
  bool ignore_ttl = false;
  bool sweep = false;
  bool json = false;
};

/// The replay that the flags describe.
struct replay_plan {
  std::string file;
  std::vector<eviction_policy> policies;
  replay_options options;  ///< its size is the given one, or 0
};

result<std::uint64_t> read_capacity(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc() && end == text.data() + text.size()) return number;
  const auto size = parse_size(text);
  if (!size) {
    return fail(errc::invalid_argument,
                fmt::format("--capacity: \"{}\" is neither a whole number nor a size such as 64MiB", text));
  }
  return size->count;
}

result<replay_plan> plan_of(const trace_flags& what) {
  replay_plan out{.file = what.file, .policies = {}, .options = {.size = {0}}};
  for (const auto each : eviction_policies) {
    if (what.policy == name(each) || (what.policy.empty() && what.sweep)) out.policies.push_back(each);
  }
  if (out.policies.empty()) out.policies.push_back(eviction_policy::s3camp);
  out.options.objective = what.objective == "bytes" ? eviction_objective::bytes : eviction_objective::objects;
  out.options.counts = what.memory.empty() ? replay_counts::capacity : replay_counts::memory;
  out.options.ttls = !what.ignore_ttl;
  if (!what.memory.empty()) {
    const auto size = parse_size(what.memory);
    if (!size) return fail(size.error().code, "--memory: " + size.error().detail);
    out.options.size = *size;
  } else if (!what.capacity.empty()) {
    const auto size = read_capacity(what.capacity);
    if (!size) return std::unexpected(size.error());
    out.options.size = {*size};
  } else if (!what.sweep) {
    return fail(
        errc::invalid_argument,
        "give the cache's size: --memory 64MiB counts all that it uses, --capacity N only the trace's own "
        "sizes; --sweep tries several");
  }
  if ((!what.memory.empty() || !what.capacity.empty()) && out.options.size.count == 0) {
    return fail(errc::invalid_argument, "a cache of size 0 holds nothing");
  }
  return out;
}

/// Reads all of `file` and gives it to `each` in pieces.
template <class Each>
result<void> read_trace(const std::string& file, const char* doing, Each each) {
  constexpr std::size_t piece = 1024;
  constexpr std::uint64_t between_shows = 1u << 16;
  auto trace = trace_reader::open(file);
  if (!trace) return std::unexpected(trace.error());
  progress_bar bar(doing, trace->file_size().count);
  std::vector<trace_request> requests(piece);
  std::uint64_t read = 0;
  for (bool more = true; more;) {
    std::size_t count = 0;
    while (more && count < piece) {
      const auto got = trace->next(requests[count]);
      if (!got) return std::unexpected(got.error());
      more = *got;
      if (more) ++count;
    }
    each(std::span<const trace_request>(requests).first(count));
    read += count;
    if (read % between_shows < count) bar.show(trace->position().count, read);
  }
  if (read == 0) return fail(errc::invalid_argument, file + ": the file has no request");
  return {};
}

trace_contents contents_of(const std::string& file, const trace_census& census) {
  return {.trace = std::filesystem::path(file).filename().string(),
          .requests = census.requests(),
          .objects = census.objects(),
          .bytes = census.size().count,
          .requested_bytes = census.requested_size().count,
          .has_sizes = census.has_sizes()};
}

void warn_of_missing_sizes(const trace_contents& what, const replay_plan& plan) {
  if (what.has_sizes || plan.options.counts != replay_counts::memory) return;
  print_error(
      fmt::format("bench trace: {} has no sizes, so each value counts as one byte; --capacity counts objects",
                  what.trace));
}

int replay_once(const replay_plan& plan, bool json) {
  replay_run done{.options = plan.options, .result = {}};
  done.options.policy = plan.policies.front();
  trace_census census;
  trace_replay cache(done.options);
  const auto read = read_trace(plan.file, "replaying", [&](std::span<const trace_request> some) {
    for (const auto& each : some) {
      census.add(each);
      cache.add(each);
    }
  });
  if (!read) return complain(read.error().detail, exit_failed);
  done.result = cache.result();
  const auto what = contents_of(plan.file, census);
  warn_of_missing_sizes(what, plan);
  fmt::print("{}", json ? replay_json(what, done) : replay_text(what, done));
  return exit_ok;
}

/// The points to try: the fractions of the whole, and the size that was given.
std::vector<sweep_point> points_of(const replay_plan& plan, std::uint64_t whole) {
  std::vector<sweep_point> points;
  for (const double fraction : fractions) {
    const auto size = static_cast<std::uint64_t>(fraction * static_cast<double>(whole));
    if (size > 0) points.push_back({.fraction = fraction, .size = size, .policies = {}});
  }
  if (const auto size = plan.options.size.count; size > 0) {
    const auto given = std::ranges::find(points, size, &sweep_point::size);
    if (given != points.end()) {
      given->requested = true;
    } else {
      const auto fraction =
          static_cast<double>(size) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
      points.push_back({.fraction = fraction, .size = size, .requested = true, .policies = {}});
    }
  }
  std::ranges::sort(points, {}, &sweep_point::size);
  return points;
}

/// Options of a cache that never evicts, to measure what all objects use.
replay_options boundless(const replay_plan& plan) {
  return {.size = {std::uint64_t{1} << 50}, .counts = plan.options.counts, .ttls = false};
}

result<capacity_sweep> sweep_over(const replay_plan& plan, trace_contents& what) {
  trace_census census;
  trace_replay everything(boundless(plan));
  const auto counted = read_trace(plan.file, "counting", [&](std::span<const trace_request> some) {
    for (const auto& each : some) {
      census.add(each);
      if (plan.options.counts == replay_counts::memory) everything.add(each);
    }
  });
  if (!counted) return std::unexpected(counted.error());
  what = contents_of(plan.file, census);

  capacity_sweep out{.counts = plan.options.counts, .whole = census.size().count, .points = {}};
  if (out.counts == replay_counts::memory) out.whole = everything.result().used.count;
  everything = trace_replay({.size = {0}});
  out.points = points_of(plan, out.whole);
  std::vector<trace_replay> caches;
  for (auto& point : out.points) {
    for (const auto policy : plan.policies) {
      auto options = plan.options;
      options.size = {point.size};
      options.policy = policy;
      point.policies.push_back({.options = options, .result = {}});
      caches.emplace_back(options);
    }
  }
  const auto read = read_trace(plan.file, "replaying", [&](std::span<const trace_request> some) {
    for (auto& cache : caches) {
      for (const auto& each : some) cache.add(each);
    }
  });
  if (!read) return std::unexpected(read.error());
  auto cache = caches.begin();
  for (auto& point : out.points) {
    for (auto& each : point.policies) each.result = (cache++)->result();
  }
  return out;
}

int replay_many(const replay_plan& plan, const std::string& svg, bool json) {
  trace_contents what;
  const auto done = sweep_over(plan, what);
  if (!done) return complain(done.error().detail, exit_failed);
  warn_of_missing_sizes(what, plan);
  fmt::print("{}", json ? sweep_json(what, *done) : sweep_text(what, *done));
  if (svg.empty()) return exit_ok;
  std::ofstream picture(svg, std::ios::binary);
  picture << sweep_svg(what, *done) << std::flush;
  if (!picture)
    return complain(fmt::format("{} cannot be written: {}", svg, std::strerror(errno)), exit_failed);
  return exit_ok;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const auto each : eviction_policies) names.emplace_back(name(each));
  return names;
}

/// Predicts what a memory cache of some size would do with the requests in a file.
class bench_command final : public command {
 public:
  bench_command(CLI::App& flags, const registry&) {
    flags.require_subcommand(1);
    auto& trace = *flags.add_subcommand("trace", "replay a file of requests, to size a cache");
    trace.add_option("FILE", flags_.file, "lines of time,key[,size[,ttl]], plain or gzip")->required();
    auto* memory =
        trace.add_option("--memory", flags_.memory, "the cache's size, all that it uses; e.g. 64MiB")
            ->type_name("SIZE");
    trace
        .add_option("--capacity", flags_.capacity,
                    "the cache's size in the trace's own sizes alone, as published figures count; objects "
                    "if it has none")
        ->type_name("N")
        ->excludes(memory);
    trace.add_option("--policy", flags_.policy, "eviction policy; default s3camp, and all for --sweep")
        ->check(CLI::IsMember(policy_names()));
    trace
        .add_option("--objective", flags_.objective,
                    "hit ratio to maximize, of objects or of bytes; default objects")
        ->check(CLI::IsMember({"objects", "bytes"}));
    trace.add_flag("--ignore-ttl", flags_.ignore_ttl, "as if the trace had no times to live");
    auto* sweep = trace.add_flag("--sweep", flags_.sweep, "try sizes from 0.1 % of all objects to 100 %");
    trace.add_option("--svg", flags_.svg, "also draw the curve")->type_name("FILE")->needs(sweep);
    add_json_flag(trace, flags_.json);
  }

  int run() override {
    const auto plan = plan_of(flags_);
    if (!plan) return complain(plan.error().detail, exit_wrong_use);
    return flags_.sweep ? replay_many(*plan, flags_.svg, flags_.json) : replay_once(*plan, flags_.json);
  }

 private:
  trace_flags flags_;
};

}  // namespace

void add_bench(registry& to) {
  to.add<bench_command>("bench", "measure how a cache would serve a trace");
}

}  // namespace strata::cli
