#pragma once
/// One HTTP/1.1 request to the admin listener, blocking.
/// Threads: pure functions but for the socket.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <string>
#include <string_view>

namespace strata::cli {

struct http_call {
  std::string address;  ///< HOST:PORT, as parse_endpoint reads it
  std::string token;    ///< sent as a bearer token if not empty
  std::string method = "GET";
  std::string target;  ///< percent-encoded
  std::string json;    ///< the body; empty: none
  duration timeout = std::chrono::seconds(10);
};

struct http_answer {
  int status = 0;
  std::string body;
};

/// Sends `what` and reads the whole answer, at most 64 MiB of it.
/// Errors: invalid_argument (address), store_unavailable (no server there, or it does not speak HTTP),
/// timeout, too_large.
result<http_answer> call(const http_call& what);

/// Parses a complete response. Errors: as `call`.
result<http_answer> parse_answer(std::string_view received);

/// `text` percent-encoded for a query's value.
std::string encode_query(std::string_view text);

}  // namespace strata::cli
