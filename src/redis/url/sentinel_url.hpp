#pragma once
/// URLs of a Redis that Sentinel watches:
///   redis+sentinel://[user[:password]@]host[:port][,host[:port]…][/database]?master=NAME
///       [&sentinel-user=U][&sentinel-password=P][&name=N]
///   rediss+sentinel://…[&ca=FILE][&cert=FILE&key=FILE][&sni=HOST]     TLS to the sentinels and the servers
/// The hosts are sentinels, on port 26379 by default. User and password are for the servers. The rest is as
/// in url.hpp. Threads: pure functions. No error repeats the URL, since it may hold a password.

#include "redis/connection/client_options.hpp"
#include "redis/topology/sentinels.hpp"

#include <strata/error.hpp>

#include <string_view>

namespace strata::redis {

/// How to connect to the servers, and the sentinels that know the master's address.
struct sentinel_target {
  client_options connection;
  sentinel_options sentinels;
};

/// True if `url` has one of the two schemes.
bool is_sentinel_url(std::string_view url);

/// Errors: invalid_argument, too_large.
result<sentinel_target> parse_sentinel_url(std::string_view url);

}  // namespace strata::redis
