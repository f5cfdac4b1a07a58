#pragma once
/// What the server may do with a request and a handler may not: fill it, route it, clear it.
/// Threads: one strand.

#include "http/request_head.hpp"

#include <server/request.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace strata::server {

struct refusal {
  int status = 400;
  std::string_view reason;  ///< static text
};

struct request_internals {
  struct source {
    std::string_view body;
    std::string_view peer;
    std::uint64_t generated_id = 0;  ///< becomes the request id if the client sent no valid one
    time_point now{};
    time_point deadline{};
    connection_memory* memory = nullptr;
  };

  /// Fills `into` from `head` and `from`, whatever it was before. Returns why the request is refused, if it
  /// is.
  static std::optional<refusal> fill(request& into, const http::request_head& head, const source& from);
  /// The client's address, as a trusted proxy reports it. Lifetime: until the request is cleared.
  static void set_peer(request& of, std::string_view client) { of.peer_ = client; }
  /// Adds the body, which arrived after the steps had run.
  static void resume(request& of, std::string_view body, time_point now, time_point deadline);
  /// Drops what a handler left in it, so that this does not live as long as the connection.
  static void clear(request& of);

  static const http::request_head& head(const request& of) { return *of.head_; }
  static void set_route(request& of, const route* found) { of.route_ = found; }

  struct split {
    std::size_t count = 0;   ///< segments written
    bool malformed = false;  ///< a segment cannot be decoded, or is a dot segment
    bool too_many = false;   ///< more segments than `into` holds
  };
  /// Writes the decoded segments of the path to `into`.
  static split split_path(request& of, std::span<std::string_view> into);

  static constexpr std::size_t max_path_parameters = request::max_path_parameters;
  static std::string_view* path_values(request& of) { return of.path_value_; }
  static void set_path_values(request& of, std::size_t count) {
    of.path_values_ = static_cast<std::uint8_t>(count);
  }
};

}  // namespace strata::server
