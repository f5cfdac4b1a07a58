#pragma once
/// URLs of one Redis server, and the parts that all Redis URLs share:
///   redis://[user[:password]@]host[:port][/database][?name=N]
///   rediss://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS
///   unix://[user[:password]@]/path/of.sock[?database=N][&name=N]
/// User, password, path and query are percent-decoded. `user@` is a user without a password, `:password@` the
/// default user's password. IPv6 addresses are in brackets.
/// Threads: pure functions. No error repeats the URL, since it may hold a password.

#include "redis/connection/client_options.hpp"

#include <strata/error.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::redis {

/// The decoded parts of a URL. Commas separate several hosts.
struct url_parts {
  std::string scheme;
  credentials login;
  std::vector<address> hosts;  ///< at least one; a host without a port has the default port
  std::string path;            ///< without the first slash
  std::vector<std::pair<std::string, std::string>> query;
};

/// Errors: invalid_argument, too_large.
result<url_parts> split_url(std::string_view url, std::uint16_t default_port = 6379);

/// Applies the query's parameters of a connection to `options`: name, and with `tls` enabled ca, cert, key
/// and sni. Errors: invalid_argument for a parameter that is unknown, repeated or empty; the error also lists
/// `others` ("a, b, ") as known.
result<void> apply_query(const url_parts& of, client_options& options, std::string_view others = {});

/// The number of a database, in decimal. Errors: invalid_argument.
result<unsigned> parse_database(std::string_view digits);

/// An error of a Redis URL: "the Redis URL " and `problem`.
std::unexpected<error> url_error(std::string_view problem);

/// The options of one of the three URLs above. Errors: invalid_argument, too_large.
result<client_options> parse_url(std::string_view url);

}  // namespace strata::redis
