#pragma once
/// Redis URLs:
///   redis://[user[:password]@]host[:port][/database][?name=N]
///   rediss://…[?ca=FILE][&cert=FILE&key=FILE][&sni=HOST][&name=N]     the same through TLS
///   unix://[user[:password]@]/path/of.sock[?database=N][&name=N]
/// User, password, path and query are percent-decoded; a user without a colon is a password's owner
/// without one, `:password@` the default user's password. IPv6 addresses stand in brackets.
/// Threads: pure functions. No error repeats the URL, for it may hold a password.

#include "redis/connection/client_options.hpp"

#include <strata/error.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::redis {

/// A URL's parts, decoded, for whoever gives them a meaning. Several hosts are separated by commas.
struct url_parts {
  std::string scheme;
  credentials login;
  std::vector<address> hosts;  ///< at least one; those without a port have the one asked for
  std::string path;            ///< without its first slash
  std::vector<std::pair<std::string, std::string>> query;
};

/// Errors: invalid_argument, too_large.
result<url_parts> split_url(std::string_view url, std::uint16_t default_port = 6379);

/// Takes what the query says about a connection (name, and with `tls` enabled ca, cert, key and sni)
/// into `options`. Errors: invalid_argument for a parameter that is unknown, repeated or empty; `others`
/// ("a, b, ") are named there as well.
result<void> apply_query(const url_parts& of, client_options& options, std::string_view others = {});

/// A decimal number of a database. Errors: invalid_argument.
result<unsigned> parse_database(std::string_view digits);

/// The options of one of the three URLs above. Errors: invalid_argument, too_large.
result<client_options> parse_url(std::string_view url);

}  // namespace strata::redis
