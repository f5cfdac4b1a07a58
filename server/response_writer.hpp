#pragma once
/// The last step of every answer: evaluates conditions, chooses the content coding, and writes the head.
/// Threads: pure functions (the date is passed in), except that a representation keeps its encoded forms.

#include "server/content_fields.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace strata::server {

struct cors_options;

/// What the connection contributes to a response.
struct connection_facts {
  std::string_view date;  ///< an HTTP date
  std::chrono::sys_seconds now;
  bool close = false;
  bool http_1_0 = false;
  const cors_options* cors = nullptr;  ///< null: none
};

/// A response on its way: its head is in `out`, and this follows.
struct wire_response {
  int status = 0;
  std::uint64_t bytes = 0;  ///< head and body
  std::optional<cache_status> cache;
  std::shared_ptr<const void> owner;  ///< of `shared`
  std::string_view shared;
  std::string own;
  std::shared_ptr<body_stream> stream;  ///< follows instead of the body
  std::string_view body() const noexcept { return owner ? shared : std::string_view(own); }
};

/// Appends the head of the response to `to` to `out`. Returns the body to be sent after it.
wire_response write_response(const request& to, response answer, const connection_facts& facts,
                             std::string& out);

/// The same without a request, for one that could not be parsed.
wire_response write_unparsed_response(response answer, const connection_facts& facts,
                                      std::string_view request_id, std::string& out);

}  // namespace strata::server
