#pragma once
/// Paths to handlers. `/agents/{id}/config`: a `{name}` matches one non-empty segment; fixed
/// segments win over parameters. The path is split before it is decoded, so an encoded slash
/// stays inside its segment.
/// Threads: built by one thread, then immutable; `dispatch` any.

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>

#include <strata/task.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::server {

/// Answers a request. A ready task costs no frame. An exception becomes a 500 and is logged.
using handler = std::function<task<response>(request&)>;
/// Runs before a handler: a response ends the request, nothing continues it.
using step = std::function<task<std::optional<response>>(request&)>;
/// Runs on every response of a group's routes, whichever part made it.
using hook = std::function<void(const request&, response&)>;

struct route_options {
  /// Cache-Control of a 2xx to GET or HEAD (and its 304). Empty: no-store.
  std::string cache_control;
  /// More fields of such a response, e.g. CDN-Cache-Control.
  std::vector<response_field> fields;
  /// Checked against Accept: 406. Empty: no check.
  std::string produces = "application/json";
  /// Checked against Content-Type if the request has a body: 415. Empty: no check.
  std::vector<std::string> consumes = {"application/json"};
  /// The longest body: 413. 0: server_options::max_body, which also bounds it.
  byte_size max_body{};
};

/// One pattern's handler for one method. Immutable.
struct route {
  std::string pattern;
  std::vector<std::string> parameters;
  std::vector<step> before;
  handler answer;
  std::vector<hook> after;
  route_options options;
  std::string cacheable_fields;  ///< cache_control and fields as field lines, composed once
};

class router;

/// Routes that share steps and hooks, in the order given. Lifetime: the router's.
class route_group {
 public:
  route_group& get(std::string pattern, handler answer, route_options options = {});
  route_group& post(std::string pattern, handler answer, route_options options = {});
  route_group& put(std::string pattern, handler answer, route_options options = {});
  route_group& patch(std::string pattern, handler answer, route_options options = {});
  route_group& remove(std::string pattern, handler answer, route_options options = {});

 private:
  friend class router;
  route_group(router& owner, std::vector<step> before, std::vector<hook> after);
  route_group& add(method on, std::string pattern, handler answer, route_options options);
  router& owner_;
  std::vector<step> before_;
  std::vector<hook> after_;
};

class router {
 public:
  router();
  ~router();
  router(router&&) noexcept;

  /// A group whose requests pass `before` in order, e.g. {authenticate, authorize, limit}, then
  /// Accept and Content-Type are checked, then the handler runs; `after` sees the response.
  route_group group(std::vector<step> before = {}, std::vector<hook> after = {});

  /// Adds one route; groups call it. Sets the route's pattern and parameters.
  /// Throws bad_options if the pattern or an option is malformed, or the pair is taken.
  void add(method on, std::string pattern, route what);

  /// Answers `from`: the route's answer | HEAD as GET | OPTIONS 204 with Allow | 404 | 405 with Allow.
  /// Cost: no allocation of its own; no coroutine frame while steps and handler are ready.
  task<response> dispatch(request& from) const;

  /// The parts of `dispatch`, for a request whose body is to be read between them: `match`, then either
  /// `run`, or `admit` and `answer`. Finds the route of `from`. Returns a response if there is none, or if no
  /// handler is needed.
  std::optional<response> match(request& from) const;
  /// Runs the route's steps and checks the types. Returns a response if one of them refuses the request.
  /// Requires: `match` returned nothing.
  task<std::optional<response>> admit(request& from) const;
  /// Runs the handler. Requires: `admit` returned nothing.
  task<response> answer(request& from) const;
  /// `admit` and `answer` at once. Requires: `match` returned nothing.
  task<response> run(request& from) const;

  /// Every route with its method. Lifetime: the router's.
  std::vector<std::pair<method, const route*>> all() const;

 private:
  struct node;
  std::unique_ptr<node> root_;
};

}  // namespace strata::server
