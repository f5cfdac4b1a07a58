#pragma once
/// A request as a handler sees it. It is well formed: the server has checked framing, field syntax,
/// percent-encoding and UTF-8 of path and query.
/// Threads: one strand; a request belongs to its handler until the handler's task ends.
/// Lifetime: every view lives as long as the request. Copy what must outlive it.

#include <strata/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::http {
struct request_head;
}

namespace strata::server {

enum class method : std::uint8_t { get, head, post, put, patch, delete_, options, trace };
inline constexpr std::size_t methods = static_cast<std::size_t>(method::trace) + 1;

/// "GET", "DELETE", …
std::string_view name(method which) noexcept;

/// A parameter of the query or of the path, decoded.
struct parameter {
  std::string_view name;
  std::string_view value;
};

/// A caller's state under a rate limit, sent in RateLimit fields (and Retry-After on a 429).
struct rate_limit_state {
  std::string_view policy = "default";  ///< static text
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  duration window{};
  duration reset_after{};
  duration retry_after{};
  bool exceeded = false;  ///< this request was one too many
};

/// What a limit counts as one client of the address `peer`: an IPv4 address, or 64 bits of an IPv6 address,
/// all of which one client may have.
std::string client_network(std::string_view peer);

/// A value that a connection keeps from one request to the next.
struct connection_memory {
  std::shared_ptr<const void> value;
  const void* type = nullptr;
};

struct route;

class request {
 public:
  request();
  ~request();
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  server::method method() const noexcept { return method_; }
  /// As it was sent, e.g. "/agents?page=2".
  std::string_view target() const noexcept { return target_; }
  /// The path as it was sent, still percent-encoded: for logs and for signing, not for decisions.
  std::string_view path() const noexcept { return path_; }

  /// The path parameter `name` of the matched route, decoded. It may hold any UTF-8 except control
  /// characters. Empty if the route has no such parameter.
  std::string_view path_parameter(std::string_view name) const noexcept;

  /// The query's parameters in the order sent, decoded ("+" is a space).
  std::span<const parameter> query() const noexcept { return query_; }
  /// The first query parameter called `name`.
  std::optional<std::string_view> query(std::string_view name) const noexcept;
  /// How often `name` occurs in the query.
  std::size_t query_count(std::string_view name) const noexcept;

  /// The value of the field `name` (any case), without the spaces around it. The first one if it
  /// was sent more than once; empty if not at all.
  std::string_view field(std::string_view name) const noexcept;
  bool has_field(std::string_view name) const noexcept;
  /// All values of the field `name`, joined by ", " as RFC 9110 §5.3 allows for lists.
  std::string field_list(std::string_view name) const;
  /// The value of cookie `name`, or nothing.
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

  /// The whole body; empty if there is none. At most server_options::max_body.
  std::string_view body() const noexcept { return body_; }

  /// The client's address without its port, e.g. "127.0.0.1". Behind a trusted proxy, as the proxy reports
  /// it.
  std::string_view peer() const noexcept { return peer_; }
  /// X-Request-Id: the client's if it is valid, else a generated one.
  std::string_view request_id() const noexcept { return request_id_; }

  /// When the request was complete, and when its time to be answered ends.
  time_point now() const noexcept { return now_; }
  time_point deadline() const noexcept { return deadline_; }

  /// The caller, as the authenticating step found it. Null if no step set it, or if it is not a T.
  template <class T>
  std::shared_ptr<const T> principal() const noexcept {
    return principal_type_ == tag_of<T>() ? std::static_pointer_cast<const T>(principal_) : nullptr;
  }
  template <class T>
  void set_principal(std::shared_ptr<const T> caller) noexcept {
    principal_ = std::move(caller);
    principal_type_ = tag_of<T>();
  }

  /// As `principal`, for as long as the request lives.
  template <class T>
  const T* who() const noexcept {
    return principal_type_ == tag_of<T>() ? static_cast<const T*>(principal_.get()) : nullptr;
  }

  /// The value that an earlier request of the same connection left, or null. Behind a proxy it may be another
  /// client's, so it proves nothing about this request. Valid until `remember`.
  template <class T>
  const T* remembered() const noexcept {
    if (memory_ == nullptr || memory_->type != tag_of<T>()) return nullptr;
    return static_cast<const T*>(memory_->value.get());
  }
  /// Leaves `value` to the connection's next requests, in place of the previous one.
  template <class T>
  void remember(std::shared_ptr<const T> value) noexcept {
    if (memory_ == nullptr) return;
    memory_->value = std::move(value);
    memory_->type = tag_of<T>();
  }

  /// Set by the rate-limiting step; every response then carries the RateLimit fields.
  std::optional<rate_limit_state> rate_limit;
  /// Set by a step; every response then carries them.
  std::vector<std::pair<std::string, std::string>> response_fields;

  /// The route that matched; null before routing and for 404.
  const server::route* route() const noexcept { return route_; }

 private:
  friend struct request_internals;

  template <class T>
  static const void* tag_of() noexcept {
    static constexpr char tag = 0;
    return &tag;
  }

  static constexpr std::size_t max_path_parameters = 8;

  server::method method_ = method::get;
  std::uint8_t path_values_ = 0;
  std::string_view target_, path_, body_, peer_, request_id_;
  time_point now_{}, deadline_{};
  const http::request_head* head_ = nullptr;
  const server::route* route_ = nullptr;
  std::string_view path_value_[max_path_parameters];
  std::vector<parameter> query_;
  std::string decoded_;  // holds the decoded path and query, if they were encoded
  char generated_id_[24];
  connection_memory* memory_ = nullptr;
  std::shared_ptr<const void> principal_;
  const void* principal_type_ = nullptr;
};

/// A request from literals, to test a handler without a socket; the server's own parser reads it.
/// Throws std::invalid_argument if the server would refuse it.
class test_request {
 public:
  /// Requests with the same `memory` act as requests of one connection. Lifetime: it outlives the request.
  test_request(std::string_view method, std::string_view target,
               std::vector<std::pair<std::string, std::string>> fields = {}, std::string body = {},
               connection_memory* memory = nullptr);
  ~test_request();

  request& operator*() noexcept { return request_; }
  request* operator->() noexcept { return &request_; }

 private:
  std::string text_;
  std::unique_ptr<http::request_head> head_;
  request request_;
};

}  // namespace strata::server
