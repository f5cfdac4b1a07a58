/// The one file that knows all the parts, and puts them together from a URL.

#include "redis/store.hpp"
#include "redis/url.hpp"

#include <strata/open.hpp>

namespace strata {

result<std::shared_ptr<network_store>> open_store(std::string_view url, const store_options& options) {
  auto where = redis::parse_url(url);
  if (!where) return std::unexpected(std::move(where.error()));
  std::vector<std::string> wrong;
  if (options.timeout <= duration::zero()) wrong.emplace_back("store_options.timeout must be more than 0");
  if (options.heartbeat < std::chrono::milliseconds(1)) {
    wrong.emplace_back("store_options.heartbeat must be at least 1 ms");
  }
  if (options.lease < 4 * options.heartbeat) {
    wrong.emplace_back("store_options.lease must be at least 4 heartbeats");
  }
  if (!wrong.empty()) throw bad_options(std::move(wrong));

  redis::redis_store_options made;
  made.connection = std::move(*where);
  made.connection.request_timeout = options.timeout;
  made.tracked.name_space = options.name_space;
  made.tracked.lease = options.lease;
  made.tracked.heartbeat = options.heartbeat;
  if (options.log) made.tracked.log = options.log;
  return std::make_shared<redis::redis_store>(std::make_shared<redis::runtime>(), std::move(made));
}

result<void> check_store_url(std::string_view url) {
  const auto where = redis::parse_url(url);
  if (!where) return std::unexpected(where.error());
  return {};
}

std::string without_password(std::string_view url) {
  const auto authority = url.find("://");
  const auto at = url.rfind('@');
  if (authority == std::string_view::npos || at == std::string_view::npos || at < authority) {
    return std::string(url);
  }
  const auto colon = url.find(':', authority + 3);
  if (colon == std::string_view::npos || colon > at) return std::string(url);
  return std::string(url.substr(0, colon + 1)) + "***" + std::string(url.substr(at));
}

}  // namespace strata
