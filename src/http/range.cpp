#include "http/range.hpp"

#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/syntax.hpp"

#include <algorithm>
#include <optional>

namespace strata::http {

namespace {

using outcome = range_answer::outcome;

/// What one element of the list asks for: nothing if it begins beyond the end.
struct requested_range {
  bool malformed = false;
  std::optional<byte_range> range;
};

requested_range read_range(std::string_view text, std::uint64_t size) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return {.malformed = true, .range = {}};
  const auto before = text.substr(0, dash);
  const auto behind = text.substr(dash + 1);
  if (before.empty()) {
    const auto suffix = parse_number(behind);
    if (!suffix) return {.malformed = true, .range = {}};
    if (*suffix == 0 || size == 0) return {};
    return {.range = byte_range{size - std::min(*suffix, size), size - 1}};
  }
  const auto first = parse_number(before);
  const auto last = behind.empty() ? std::optional(UINT64_MAX) : parse_number(behind);
  if (!first || !last || *last < *first) return {.malformed = true, .range = {}};
  if (*first >= size) return {};
  return {.range = byte_range{*first, std::min(*last, size - 1)}};
}

bool touch(const byte_range& a, const byte_range& b) {
  return a.first <= b.last + 1 && b.first <= a.last + 1;
}

/// Adds `range`, and joins it with every part that it touches. The joined part stands where the first of them
/// stood.
void add(std::vector<byte_range>& parts, byte_range range) {
  auto place = parts.size();
  for (std::size_t i = 0; i < parts.size();) {
    if (!touch(parts[i], range)) {
      ++i;
      continue;
    }
    range = {std::min(range.first, parts[i].first), std::max(range.last, parts[i].last)};
    place = std::min(place, i);
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    i = 0;  // the longer range may touch a part that the shorter one did not
  }
  place = std::min(place, parts.size());
  parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(place), range);
}

}  // namespace

range_answer evaluate_range(std::string_view field, std::uint64_t size) {
  const auto equals = field.find('=');
  if (equals == std::string_view::npos || !iequals(field.substr(0, equals), "bytes")) return {};
  range_answer answer;
  std::size_t count = 0;
  list_reader list(field.substr(equals + 1));
  while (const auto element = list.next()) {
    if (++count > most_ranges) return {};
    const auto read = read_range(*element, size);
    if (read.malformed) return {};
    if (read.range) add(answer.parts, *read.range);
  }
  if (count == 0) return {};
  answer.result = answer.parts.empty() ? outcome::unsatisfiable : outcome::parts;
  return answer;
}

bool if_range_holds(std::string_view field, const validators& current, std::chrono::sys_seconds now) {
  if (const auto tag = parse_etag(field)) {
    const auto own = parse_etag(current.etag);
    return own && strong_equal(*tag, *own);
  }
  const auto date = parse_date(field, now);
  return date && current.last_modified && *date == *current.last_modified;
}

}  // namespace strata::http
