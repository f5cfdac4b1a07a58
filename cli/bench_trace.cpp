// Replays a trace of requests, to size a cache before it is bought: `strata bench trace`.

#include "cli/bench_report.hpp"
#include "cli/commands.hpp"
#include "cli/program.hpp"
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

/// Of what holds every object.
constexpr double fractions[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};

int complain(const std::string& what, int status) {
  fmt::print(stderr, "strata: bench trace: {}\n", what);
  return status;
}

/// What was asked for, understood.
struct trace_job {
  std::string file;
  std::vector<eviction_policy> policies;
  replay_options options;  ///< its size is what was given, or 0
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

result<trace_job> understood(const trace_bench_request& what) {
  trace_job out{.file = what.file, .policies = {}, .options = {.size = {0}}};
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
        "how large is the cache? --memory 64MiB counts all that it uses, --capacity N the trace's own "
        "sizes alone; --sweep tries many");
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
  if (read == 0) return fail(errc::invalid_argument, file + ": there is no request in it");
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

void tell_of_missing_sizes(const trace_contents& what, const trace_job& job) {
  if (what.has_sizes || job.options.counts != replay_counts::memory) return;
  fmt::print(stderr,
             "strata: bench trace: {} has no sizes, so each value counts as one byte; --capacity counts "
             "objects\n",
             what.trace);
}

int replay_once(const trace_job& job, bool json) {
  replayed done{.options = job.options, .result = {}};
  done.options.policy = job.policies.front();
  trace_census census;
  trace_replay cache(done.options);
  const auto read = read_trace(job.file, "replaying", [&](std::span<const trace_request> some) {
    for (const auto& each : some) {
      census.add(each);
      cache.add(each);
    }
  });
  if (!read) return complain(read.error().detail, exit_failed);
  done.result = cache.result();
  const auto what = contents_of(job.file, census);
  tell_of_missing_sizes(what, job);
  fmt::print("{}", json ? replay_json(what, done) : replay_text(what, done));
  return exit_ok;
}

/// The points to try: the fractions of the whole, and the size that was given.
std::vector<sweep_point> points_of(const trace_job& job, std::uint64_t whole) {
  std::vector<sweep_point> points;
  for (const double fraction : fractions) {
    const auto size = static_cast<std::uint64_t>(fraction * static_cast<double>(whole));
    if (size > 0) points.push_back({.fraction = fraction, .size = size, .policies = {}});
  }
  if (const auto size = job.options.size.count; size > 0) {
    const auto there = std::ranges::find(points, size, &sweep_point::size);
    if (there != points.end()) {
      there->asked_for = true;
    } else {
      const auto fraction =
          static_cast<double>(size) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
      points.push_back({.fraction = fraction, .size = size, .asked_for = true, .policies = {}});
    }
  }
  std::ranges::sort(points, {}, &sweep_point::size);
  return points;
}

/// What a cache uses that never evicts.
replay_options boundless(const trace_job& job) {
  return {.size = {std::uint64_t{1} << 50}, .counts = job.options.counts, .ttls = false};
}

result<sweep> sweep_over(const trace_job& job, trace_contents& what) {
  trace_census census;
  trace_replay everything(boundless(job));
  const auto counted = read_trace(job.file, "counting", [&](std::span<const trace_request> some) {
    for (const auto& each : some) {
      census.add(each);
      if (job.options.counts == replay_counts::memory) everything.add(each);
    }
  });
  if (!counted) return std::unexpected(counted.error());
  what = contents_of(job.file, census);

  sweep out{.counts = job.options.counts, .whole = census.size().count, .points = {}};
  if (out.counts == replay_counts::memory) out.whole = everything.result().used.count;
  everything = trace_replay({.size = {0}});
  out.points = points_of(job, out.whole);
  std::vector<trace_replay> caches;
  for (auto& point : out.points) {
    for (const auto policy : job.policies) {
      auto options = job.options;
      options.size = {point.size};
      options.policy = policy;
      point.policies.push_back({.options = options, .result = {}});
      caches.emplace_back(options);
    }
  }
  const auto read = read_trace(job.file, "replaying", [&](std::span<const trace_request> some) {
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

int replay_many(const trace_job& job, const std::string& svg, bool json) {
  trace_contents what;
  const auto done = sweep_over(job, what);
  if (!done) return complain(done.error().detail, exit_failed);
  tell_of_missing_sizes(what, job);
  fmt::print("{}", json ? sweep_json(what, *done) : sweep_text(what, *done));
  if (svg.empty()) return exit_ok;
  std::ofstream picture(svg, std::ios::binary);
  picture << sweep_svg(what, *done) << std::flush;
  if (!picture)
    return complain(fmt::format("{} cannot be written: {}", svg, std::strerror(errno)), exit_failed);
  return exit_ok;
}

}  // namespace

int bench_trace(const trace_bench_request& what) {
  const auto job = understood(what);
  if (!job) return complain(job.error().detail, exit_wrong_use);
  return what.sweep ? replay_many(*job, what.svg, what.json) : replay_once(*job, what.json);
}

}  // namespace strata::cli
