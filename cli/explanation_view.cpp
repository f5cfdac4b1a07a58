#include "cli/explanation_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strata/units.hpp>

namespace strata::cli {

namespace {

std::string seconds(double value) {
  return fmt::format("{:.1f}s", value);
}

}  // namespace

std::string explanation_view(const admin::admin_explanation& of) {
  auto out = fmt::format("{}\n  type       {}\n", of.key, of.type);
  for (const auto& each : of.levels) {
    out += fmt::format("  {:<10} {}", each.layer, each.state);
    if (!each.reason.empty() && each.reason != "none") out += fmt::format(" ({})", each.reason);
    if (!each.detail.empty()) out += fmt::format(": {}", each.detail);
    if (each.state == "fresh") {
      out += fmt::format(", {} left, {} old, {}", seconds(each.ttl_seconds), seconds(each.age_seconds),
                         to_text(byte_size{each.bytes}));
      if (each.negative) out += ", says: not found";
    }
    if (each.asof != 0) out += fmt::format(", as of {}", each.asof);
    if (!each.tags.empty()) out += fmt::format(", tags {}", fmt::join(each.tags, " "));
    out += '\n';
  }
  if (of.in_flight) out += "  in flight  a factory computes it now\n";
  out += fmt::format("  next read  {}\n", of.next_read);
  return out;
}

}  // namespace strata::cli
