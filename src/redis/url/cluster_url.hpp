#pragma once
/// URLs of clusters:
///   redis+cluster://[user[:password]@]host[:port][,host[:port]…][?name=N]
///   rediss+cluster://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS
/// The hosts are nodes that know the others; user, password and parameters apply to every node.
/// Threads: pure functions. No error repeats the URL, since it may hold a password.

#include "redis/connection/client_options.hpp"

#include <strata/error.hpp>

#include <string_view>
#include <vector>

namespace strata::redis {

struct cluster_target {
  std::vector<address> seeds;
  client_options connection;  ///< to any node; its `at` is ignored
};

bool is_cluster_url(std::string_view url) noexcept;

/// Errors: invalid_argument, too_large.
result<cluster_target> parse_cluster_url(std::string_view url);

}  // namespace strata::redis
