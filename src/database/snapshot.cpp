#include "database/snapshot.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

namespace strata::detail {

namespace {

/// Takes a number and the `until` behind it, if there is one, from the front of `rest`.
bool take_number(std::string_view& rest, char until, std::uint64_t& into) {
  const auto end = std::min(rest.find(until), rest.size());
  const auto digits = rest.substr(0, end);
  const auto* const last = std::to_address(digits.end());
  const auto [stopped, status] = std::from_chars(std::to_address(digits.begin()), last, into);
  if (status != std::errc() || stopped != last) return false;
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return true;
}

}  // namespace

result<commit_snapshot> parse_snapshot(std::string_view text) {
  const auto wrong = [] { return fail(errc::corrupt_entry, "this is no snapshot of PostgreSQL"); };
  if (std::ranges::count(text, ':') != 2) return wrong();
  commit_snapshot out;
  auto rest = text;
  if (!take_number(rest, ':', out.xmin) || !take_number(rest, ':', out.xmax)) return wrong();
  if (out.xmin == 0 || out.xmax < out.xmin || text.ends_with(',')) return wrong();
  while (!rest.empty()) {
    std::uint64_t xid = 0;
    if (!take_number(rest, ',', xid)) return wrong();
    const auto least = out.running.empty() ? out.xmin : out.running.back() + 1;
    if (xid < least || xid >= out.xmax) return wrong();
    out.running.push_back(xid);
  }
  return out;
}

}  // namespace strata::detail
