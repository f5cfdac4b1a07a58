#pragma once
/// URLs of clusters:
///   redis+cluster://[user[:password]@]host[:port][,host[:port]…][?name=N]
///   rediss+cluster://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS
/// The hosts are where to ask for the nodes; user, password and parameters are for every node.
/// Threads: pure functions. No error repeats the URL, for it may hold a password.

#include "redis/connection/client_options.hpp"

#include <strata/error.hpp>

#include <string_view>
#include <vector>

namespace strata::redis {

struct cluster_place {
  std::vector<address> seeds;
  client_options connection;  ///< to any node; its `at` says nothing
};

bool is_cluster_url(std::string_view url) noexcept;

/// Errors: invalid_argument, too_large.
result<cluster_place> parse_cluster_url(std::string_view url);

}  // namespace strata::redis
