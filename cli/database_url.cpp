#include "cli/database_url.hpp"

#include <algorithm>

namespace strata::cli {

namespace {

constexpr std::string_view masked = "********";

/// The part between the user and the host. It may hold what a URL should not, so it ends at the last @
/// that can end it.
void mask_password(std::string& url, std::size_t begin) {
  const auto at = url.rfind('@');
  const auto colon = url.find(':', begin);
  if (at == std::string::npos || colon == std::string::npos || colon > at) return;
  url.replace(colon + 1, at - colon - 1, masked);
}

void mask_parameters(std::string& url) {
  for (auto key = url.find('?'); key != std::string::npos; key = url.find('&', key + 1)) {
    const auto end = std::min(url.find('&', key + 1), url.size());
    const auto value = url.find('=', key);
    if (value >= end) continue;
    const auto name = url.substr(key + 1, value - key - 1);
    if (name == "password" || name == "sslpassword") url.replace(value + 1, end - value - 1, masked);
  }
}

}  // namespace

bool is_postgres(std::string_view url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

std::string without_password(std::string url) {
  if (!is_postgres(url)) return url;
  mask_password(url, url.find("://") + 3);
  mask_parameters(url);
  return url;
}

}  // namespace strata::cli
