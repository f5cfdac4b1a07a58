#include "platform/list_parameters.hpp"

#include "platform/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace strata::platform {

namespace {

void read_number(const strata::server::request& from, std::string_view name, std::int64_t most,
                 std::int64_t& into, std::vector<field_problem>& problems) {
  const auto sent = from.query(name);
  if (!sent) return;
  std::int64_t number = 0;
  const auto* begin = sent->data();
  const auto* end = begin + sent->size();
  const auto [stopped, wrong] = std::from_chars(begin, end, number);
  if (wrong != std::errc() || stopped != end || number < 1 || number > most) {
    problems.push_back({std::string(name), fmt::format("must be an integer from 1 to {}", most)});
    return;
  }
  into = number;
}

}  // namespace

page_request read_page(const strata::server::request& from, std::vector<field_problem>& problems) {
  page_request out;
  read_number(from, "page", 1'000'000'000, out.page, problems);
  read_number(from, "limit", 100, out.limit, problems);
  return out;
}

std::string_view read_choice(const strata::server::request& from, std::string_view name,
                             std::span<const std::string_view> allowed,
                             std::vector<field_problem>& problems) {
  const auto sent = from.query(name).value_or(std::string_view());
  if (sent.empty() || std::ranges::find(allowed, sent) != allowed.end()) return sent;
  problems.push_back({std::string(name), fmt::format("must be one of {}", fmt::join(allowed, ", "))});
  return {};
}

std::string_view read_search(const strata::server::request& from, std::vector<field_problem>& problems) {
  const auto sent = from.query("q").value_or(std::string_view());
  const auto words = normalized(sent);
  if (characters(sent) > 200) {
    problems.push_back({"q", "must have at most 200 characters"});
  } else if (std::ranges::count(words, ' ') >= 8) {
    problems.push_back({"q", "must have at most 8 words"});
  }
  return sent;
}

}  // namespace strata::platform
