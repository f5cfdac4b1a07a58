#pragma once
/// How the server fills a request; handlers only read it.
/// Threads: one strand.

#include "http/request_head.hpp"

#include <server/request.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace strata::server {

struct refusal {
  int status = 400;
  std::string_view why;  ///< static text
};

struct request_access {
  struct facts {
    std::string_view body;
    std::string_view peer;
    std::uint64_t made_id = 0;  ///< becomes the request id if the client sent none that fits
    time_point now{};
    time_point deadline{};
    connection_memory* memory = nullptr;
  };

  /// Makes `into` the request of `head`, forgetting what it was. Nothing: it is good.
  static std::optional<refusal> fill(request& into, const http::request_head& head, const facts& about);
  /// Drops what a handler left, so that it does not live as long as the connection.
  static void clear(request& of);

  static const http::request_head& head(const request& of) { return *of.head_; }
  static void set_route(request& of, const route* found) { of.route_ = found; }

  /// The segments of the path, decoded; nothing if one is malformed or a dot segment, or there are
  /// more than `into` holds.
  struct split {
    std::size_t count = 0;
    bool malformed = false;
    bool too_many = false;
  };
  static split split_path(request& of, std::span<std::string_view> into);

  static constexpr std::size_t max_path_parameters = request::max_path_parameters;
  static std::string_view* path_values(request& of) { return of.path_value_; }
  static void set_path_values(request& of, std::size_t count) {
    of.path_values_ = static_cast<std::uint8_t>(count);
  }
};

}  // namespace strata::server
