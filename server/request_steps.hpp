#pragma once
/// What every request passes, whichever protocol brought it: routing, limits, the log and the counters. The
/// protocols differ below: in how heads and bodies arrive, and in how a response leaves. Threads: its
/// connection's loop.

#include "server/client_connection.hpp"
#include "server/loop.hpp"
#include "server/response_writer.hpp"

#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace strata::server {

/// A step's decision about a body as a response: 100 lets the client send it.
task<response> as_response(task<std::optional<response>> pending);

class request_steps {
 public:
  request_steps(loop& on, client_origin from) : loop_(on), from_(std::move(from)) {}

  /// The client's address, as the PROXY protocol names it.
  void set_peer(std::string client) { from_.text = std::move(client); }

  /// Fills the request from its head, and finds its route. Returns the response if it ends here.
  /// Lifetime: `body` and `memory` (which may be null) as long as the request.
  std::optional<response> route(exchange& of, std::string_view body, time_point now,
                                connection_memory* memory) const;
  /// The response to an exception of a handler or step, which the log gets.
  response failure(const exchange& of, const std::exception_ptr& why) const;
  /// Writes the response's head to `out`, logs and counts it, and clears the request.
  wire_response answer(exchange& of, response with, bool close, std::string& out);
  /// The same for a request that could not be read.
  wire_response refuse(int status, std::string_view reason, std::string& out);

 private:
  connection_facts facts(bool close, bool http_1_0);
  void record(const exchange& of, const wire_response& out);
  /// The client that the proxy reports with a request. Lifetime of the view: until the next request of `of`.
  std::string_view find_client(exchange& of) const;
  /// The state of the limit that counts this 4xx response; nothing if none does.
  std::optional<rate_limit_state> count_refused(const request* from, int status) const;

  loop& loop_;
  client_origin from_;
};

}  // namespace strata::server
