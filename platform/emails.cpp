#include "platform/emails.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strata::platform {

std::string folded_email(std::string_view email) {
  std::string out(email);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string folded_email_sql(std::string_view column) {
  std::string out(column);
  for (char c = 'A'; c <= 'Z'; ++c)
    out = fmt::format("REPLACE({}, '{}', '{}')", out, c, static_cast<char>(c + 32));
  return out;
}

}  // namespace strata::platform
