#include "cli/stats_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace strata::cli {

namespace {

std::uint64_t hits(const admin::admin_type& of) {
  return of.l1_hits + of.l2_hits;
}

std::uint64_t misses(const admin::admin_type& of) {
  std::uint64_t sum = 0;
  for (const auto& each : of.misses) sum += each.second;
  return sum;
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "–"
                    : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
}

std::string reasons(const admin::admin_type& of) {
  std::string out;
  for (const auto& [reason, count] : of.misses)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", reason, count);
  return out;
}

}  // namespace

std::string stats_view(const admin::admin_stats& now, const admin::admin_stats* before, duration apart) {
  std::string out =
      fmt::format("{:<14} {:>10} {:>10} {:>8} {:>10} {:>8}{}  {}\n", "type", "hits", "misses", "share",
                  "fills", "calls", before != nullptr ? fmt::format(" {:>10}", "reads/s") : "", "missed as");
  for (const auto& each : now.types) {
    const auto reads = hits(each) + misses(each);
    if (reads == 0 && each.fills == 0) continue;
    std::string rate;
    if (before != nullptr) {
      const auto then = std::ranges::find(before->types, each.type, &admin::admin_type::type);
      const auto earlier = then == before->types.end() ? 0 : hits(*then) + misses(*then);
      rate = fmt::format(" {:>10.0f}", static_cast<double>(reads - std::min(reads, earlier)) /
                                           std::chrono::duration<double>(apart).count());
    }
    out += fmt::format("{:<14} {:>10} {:>10} {:>8} {:>10} {:>8}{}  {}\n", each.type, hits(each), misses(each),
                       share(hits(each), reads), each.fills, each.factory_calls, rate, reasons(each));
  }
  out +=
      fmt::format("L1: {} values, {} of {}; {} evicted, {} expired; {} factory calls running", now.entries,
                  mebibytes(now.bytes), mebibytes(now.budget), now.evictions, now.expirations, now.flights);
  return out;
}

}  // namespace strata::cli
