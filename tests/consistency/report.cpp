#include "tests/consistency/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace strata::consistency {

namespace {

double milliseconds(nanoseconds of) {
  return static_cast<double>(of) / 1e6;
}

double seconds(nanoseconds of) {
  return static_cast<double>(of) / 1e9;
}

/// How long after the end of each kind of fault every process served from memory again.
std::string report_recovery(const std::vector<faults::done>& of) {
  std::map<std::string, std::vector<nanoseconds>> by_name;
  for (const auto& each : of) {
    if (each.recovered) by_name[each.name].push_back(*each.recovered);
  }
  std::string out;
  for (auto& [name, times] : by_name) {
    std::ranges::sort(times);
    out += fmt::format("recovery    {:<16} {:>3} times · p50 {:.3f} s · p99 {:.3f} s\n", name, times.size(),
                       seconds(times[times.size() / 2]), seconds(times[times.size() * 99 / 100]));
  }
  return out;
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string cleared_by_reason(const counts& of) {
  std::string out;
  for (std::size_t i = 0; i < clear_reasons; ++i) {
    if (of.clears[i] != 0)
      out += fmt::format(" {} {}", name(static_cast<clear_reason>(i)), of.clears[i].load());
  }
  return out.empty() ? " never" : out;
}

}  // namespace

std::string report(const verdict& of, nanoseconds bound) {
  auto out = fmt::format("reads       {}", of.reads);
  for (const auto& [kind, times] : of.reads_by_kind) out += fmt::format(" · {} {}", kind, times);
  out += fmt::format("\n            failed {}", of.failed);
  for (const auto& [layer, times] : of.reads_by_layer) {
    out += fmt::format(" · {} {:.1f} %", layer, percent(times, of.reads));
  }
  out += '\n';
  for (const auto& [kind, each] : of.writes) {
    out += fmt::format("writes      {}: {} of {} acknowledged", kind, each.acknowledged, each.tried);
    if (each.unknown != 0) out += fmt::format(", {} versions committed unheard", each.unknown);
    out += '\n';
  }
  out += fmt::format(
      "staleness   p50 {:.1f} ms · p99 {:.1f} ms · max {:.1f} ms (bound {:.0f} ms) · marked stale: max "
      "{:.1f} ms\n",
      milliseconds(of.quantile(0.5)), milliseconds(of.quantile(0.99)),
      milliseconds(of.staleness.empty() ? 0 : of.staleness.back()), milliseconds(bound),
      milliseconds(of.stale_marked_most));
  out += fmt::format("fresher than 0.1 s {:.5f} % · 1 s {:.5f} % · 10 s {:.5f} %\n",
                     of.share_within(second / 10), of.share_within(second), of.share_within(10 * second));
  out += fmt::format("own writes  {} reads had to see one, {} of them in another process\n", of.own_writes,
                     of.moved);
  out += fmt::format("at rest     {} looks\n", of.at_rest);
  for (const auto& each : of.examples) out += fmt::format("\nbroken: {}: {}", each.promise, each.story);
  if (!of.examples.empty()) out += '\n';
  for (const auto& [promise, times] : of.broken_promises)
    out += fmt::format("broken: {}: {} times\n", promise, times);
  return out;
}

std::string report(const std::vector<faults::done>& of, nanoseconds began) {
  std::string out;
  for (const auto& each : of) {
    out += fmt::format("fault       {:>8.3f} s  {:>6.3f} s  {}{}{}", seconds(each.at - began),
                       seconds(each.lasted), each.name, each.what.empty() ? "" : ", ", each.what);
    if (each.recovered) out += fmt::format(", recovered after {:.3f} s", seconds(*each.recovered));
    out += '\n';
  }
  return out + report_recovery(of);
}

std::string report(const std::vector<const counts*>& of, std::uint32_t peak_queries) {
  counts sum;
  for (const auto* each : of) {
    sum.samples += each->samples;
    sum.untrusted += each->untrusted;
    sum.fenced += each->fenced;
    sum.older += each->older;
    sum.too_large += each->too_large;
    sum.relayed += each->relayed;
    sum.takeovers += each->takeovers;
    sum.replays += each->replays;
    for (std::size_t i = 0; i < clear_reasons; ++i) sum.clears[i] += each->clears[i];
    sum.told_after_p50 = std::max<std::uint64_t>(sum.told_after_p50, each->told_after_p50);
    sum.told_after_p99 = std::max<std::uint64_t>(sum.told_after_p99, each->told_after_p99);
    sum.delivered += each->delivered;
    sum.losses += each->losses;
    sum.evictions += each->evictions;
    sum.l2_errors += each->l2_errors;
  }
  auto out = fmt::format("fills       refused: fenced {} · older {} · too large {}\nevicted     {}\n",
                         sum.fenced.load(), sum.older.load(), sum.too_large.load(), sum.evictions.load());
  out +=
      fmt::format("store       without the coherence lease {:.2f} % of the time · changes missed {} times\n",
                  percent(sum.untrusted, sum.samples), sum.losses.load());
  out += fmt::format("            errors {} · told later {}\n", sum.l2_errors.load(), sum.delivered.load());
  out += fmt::format("relay       {} changes · taken over {} times · replayed {} times · cleared:{}\n",
                     sum.relayed.load(), sum.takeovers.load(), sum.replays.load(), cleared_by_reason(sum));
  out += fmt::format("            told after, in the worst process: p50 {:.1f} ms · p99 {:.1f} ms\n",
                     static_cast<double>(sum.told_after_p50) / 1e6,
                     static_cast<double>(sum.told_after_p99) / 1e6);
  out += fmt::format("database    at most {} statements in a second\n", peak_queries);
  return out;
}

}  // namespace strata::consistency
