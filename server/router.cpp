#include "server/router.hpp"

#include "http/cache_control.hpp"
#include "http/compose.hpp"
#include "http/negotiate.hpp"
#include "http/request_head.hpp"
#include "http/syntax.hpp"
#include "server/request_internals.hpp"

#include <strata/error.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace strata::server {

namespace {

constexpr std::size_t max_segments = 16;

std::size_t index(method which) {
  return static_cast<std::size_t>(which);
}

bool takes_body(method which) {
  return which == method::post || which == method::put || which == method::patch;
}

/// The refusal of a body that is not the whole content as it is, or nothing. Taking such a body as it is
/// would store what the client did not mean.
std::optional<response> check_body(const request& from) {
  const auto coding = from.field_list("content-encoding");
  http::list_reader codings(coding);
  while (const auto each = codings.next()) {
    if (http::iequals(*each, "identity")) continue;
    auto refused = problem(415, "bodies are taken without Content-Encoding only");
    refused.add("Accept-Encoding", "identity");
    return refused;
  }
  if (from.method() == method::put && !from.field("content-range").empty()) {
    return problem(400, "Content-Range: a PUT replaces the whole resource");  // RFC 9110 §14.5
  }
  return {};
}

/// The types that `of` takes, as a list.
std::string consumed_types(const route_options& of) {
  std::string list;
  for (const auto& each : of.consumes) list += (list.empty() ? "" : ", ") + each;
  return list;
}

/// The field of a 415 that names what the method takes: RFC 5789, W3C LDP, RFC 9110 §15.5.16.
std::string_view accepted_field(method of) {
  switch (of) {
    case method::patch:
      return "Accept-Patch";
    case method::post:
      return "Accept-Post";
    default:
      return "Accept";
  }
}

response refuse_type(const request& from, const route_options& options, std::string_view why) {
  auto refused = problem(415, why);
  refused.add(accepted_field(from.method()), consumed_types(options));
  return refused;
}

/// 406 or 415, or nothing.
std::optional<response> check_types(const request& from, const route_options& options) {
  const auto& head = request_internals::head(from);
  if (head.has(http::known::accept) && !options.produces.empty()) {
    const bool repeated = head.is_repeated(http::known::accept);
    const auto joined = repeated ? from.field_list("accept") : std::string();
    const auto accept = repeated ? std::string_view(joined) : head.value(http::known::accept);
    if (!http::accepts(accept, options.produces)) {
      return problem(406, "Accept excludes " + options.produces + ", the only type of this resource");
    }
  }
  // Of a chunked body only the end says that it is empty. Then it needs no type.
  const bool has_body = head.content_length != 0 || !from.body().empty() ||
                        (head.chunked && head.has(http::known::content_type));
  if (!takes_body(from.method()) || !has_body) return {};
  if (auto refused = check_body(from)) return refused;
  if (!options.consumes.empty()) {
    const auto sent = http::parse_media_type(head.value(http::known::content_type));
    const bool known_type = sent && std::ranges::any_of(options.consumes, [&](const auto& each) {
                              return http::same_type(*sent, each);
                            });
    if (!known_type) return refuse_type(from, options, "Content-Type must be " + options.consumes.front());
    if (!http::is_utf8_charset(*sent)) return refuse_type(from, options, "the charset must be UTF-8");
  }
  return {};
}

response with_hooks(const route& matched, const request& from, response answer) {
  for (const auto& each : matched.after) each(from, answer);
  return answer;
}

task<response> answer_later(const route& matched, request& from, task<response> pending) {
  auto answer = co_await std::move(pending);
  co_return with_hooks(matched, from, std::move(answer));
}

/// Runs the handler after the steps.
task<response> answer_now(const route& matched, request& from) {
  if (auto refused = check_types(from, matched.options)) {
    return with_hooks(matched, from, std::move(*refused));
  }
  auto pending = matched.answer(from);
  if (matched.after.empty()) return pending;
  if (pending.is_ready()) return with_hooks(matched, from, pending.take_ready());
  return answer_later(matched, from, std::move(pending));
}

/// Continues once step number `at`, which waits, has ended.
task<response> run_later(const route& matched, request& from, std::size_t at,
                         task<std::optional<response>> pending) {
  auto early = co_await std::move(pending);
  for (++at; !early && at < matched.before.size(); ++at) {
    auto next = matched.before[at](from);
    early = co_await std::move(next);
  }
  if (early) co_return with_hooks(matched, from, std::move(*early));
  auto last = answer_now(matched, from);
  co_return co_await std::move(last);
}

task<std::optional<response>> admit_later(const route& matched, request& from, std::size_t at,
                                          task<std::optional<response>> pending) {
  auto early = co_await std::move(pending);
  for (++at; !early && at < matched.before.size(); ++at) {
    auto next = matched.before[at](from);
    early = co_await std::move(next);
  }
  if (!early) early = check_types(from, matched.options);
  if (early) early = with_hooks(matched, from, std::move(*early));
  co_return early;
}

task<response> run_all(const route& matched, request& from) {
  for (std::size_t i = 0; i < matched.before.size(); ++i) {
    auto pending = matched.before[i](from);
    if (!pending.is_ready()) return run_later(matched, from, i, std::move(pending));
    if (auto early = pending.take_ready()) return with_hooks(matched, from, std::move(*early));
  }
  return answer_now(matched, from);
}

std::string cacheable_fields(const route_options& options) {
  std::string lines = "Cache-Control: ";
  lines += options.cache_control.empty() ? "no-store" : options.cache_control;
  lines += "\r\n";
  for (const auto& each : options.fields) lines += each.name + ": " + each.value + "\r\n";
  return lines;
}

void check_options(const route& what, std::vector<std::string>& problems) {
  if (!what.options.cache_control.empty()) {
    if (const auto problem = http::find_problem(what.options.cache_control)) {
      problems.push_back(what.pattern + ": cache_control: " + *problem);
    }
  }
  for (const auto& each : what.options.fields) {
    if (!http::is_token(each.name) || !http::is_field_value(each.value)) {
      problems.push_back(what.pattern + ": the field " + each.name + " is malformed");
    }
  }
}

}  // namespace

struct router::node {
  std::vector<std::pair<std::string, std::unique_ptr<node>>> fixed;
  std::unique_ptr<node> variable;
  std::array<std::unique_ptr<const route>, methods> routes;
  std::string allow;  // empty: no route ends here

  const node* child(std::string_view segment) const {
    for (const auto& [text, next] : fixed) {
      if (text == segment) return next.get();
    }
    return nullptr;
  }

  /// Depth first, fixed segments before the variable one; `values` gets the variable segments.
  const node* find(std::span<const std::string_view> path, std::string_view* values,
                   std::size_t& count) const {
    if (path.empty()) return allow.empty() ? nullptr : this;
    if (const auto* next = child(path.front())) {
      if (const auto* found = next->find(path.subspan(1), values, count)) return found;
    }
    if (variable == nullptr || path.front().empty()) return nullptr;
    const auto mine = count;
    values[count++] = path.front();
    if (const auto* found = variable->find(path.subspan(1), values, count)) return found;
    count = mine;
    return nullptr;
  }

  void list(std::vector<std::pair<method, const route*>>& into) const {
    for (std::size_t i = 0; i < methods; ++i) {
      if (routes[i] != nullptr) into.emplace_back(static_cast<method>(i), routes[i].get());
    }
    for (const auto& [text, next] : fixed) next->list(into);
    if (variable != nullptr) variable->list(into);
  }

  void compose_allow() {
    allow.clear();
    for (std::size_t i = 0; i < methods; ++i) {
      const auto which = static_cast<method>(i);
      const bool has = which == method::head ? routes[index(method::get)] != nullptr : routes[i] != nullptr;
      if (!has) continue;
      if (!allow.empty()) allow += ", ";
      allow += name(which);
    }
    allow += ", OPTIONS";
  }
};

router::router() : root_(std::make_unique<node>()) {
}
router::~router() = default;
router::router(router&&) noexcept = default;

route_group router::group(std::vector<step> before, std::vector<hook> after) {
  return {*this, std::move(before), std::move(after)};
}

void router::add(method on, std::string pattern, route what) {
  std::vector<std::string> problems;
  const auto refuse = [&](std::string_view why) { problems.push_back(pattern + ": " + std::string(why)); };
  what.pattern = pattern;
  what.parameters.clear();
  check_options(what, problems);
  if (!what.answer) refuse("has no handler");
  if (on == method::head || on == method::options || on == method::trace)
    refuse("HEAD, OPTIONS and TRACE are not routed");
  auto* at = root_.get();
  std::size_t segments = 0;
  if (!pattern.starts_with('/')) refuse("must start with /");
  for (std::size_t i = 0; i < pattern.size() && problems.empty();) {
    const auto end = std::min(pattern.find('/', i + 1), pattern.size());
    const auto segment = pattern.substr(i + 1, end - i - 1);
    i = end;
    if (++segments > max_segments) refuse("has too many segments");
    if (segment.starts_with('{') && segment.ends_with('}') && segment.size() > 2) {
      const auto called = segment.substr(1, segment.size() - 2);
      if (!http::is_token(called) || std::ranges::find(what.parameters, called) != what.parameters.end()) {
        refuse("the name of a parameter is malformed or repeated");
      }
      if (what.parameters.size() == request_internals::max_path_parameters) {
        refuse("has too many parameters");
        break;
      }
      what.parameters.push_back(called);
      if (at->variable == nullptr) at->variable = std::make_unique<node>();
      at = at->variable.get();
    } else if (segment.find_first_of("{}%") != std::string::npos) {
      refuse("a segment is either fixed text or one {parameter}");
    } else {
      const auto found =
          std::ranges::find(at->fixed, segment, &std::pair<std::string, std::unique_ptr<node>>::first);
      if (found != at->fixed.end()) {
        at = found->second.get();
      } else {
        at = at->fixed.emplace_back(segment, std::make_unique<node>()).second.get();
      }
    }
  }
  if (problems.empty() && at->routes[index(on)] != nullptr) refuse("is already taken for this method");
  if (!problems.empty()) throw bad_options(std::move(problems));
  what.cacheable_fields = cacheable_fields(what.options);
  at->routes[index(on)] = std::make_unique<const route>(std::move(what));
  at->compose_allow();
}

std::vector<std::pair<method, const route*>> router::all() const {
  std::vector<std::pair<method, const route*>> found;
  root_->list(found);
  return found;
}

task<response> router::dispatch(request& from) const {
  if (auto early = match(from)) return std::move(*early);
  return run(from);
}

task<response> router::run(request& from) const {
  return run_all(*from.route(), from);
}

task<response> router::answer(request& from) const {
  return answer_now(*from.route(), from);
}

task<std::optional<response>> router::admit(request& from) const {
  const auto& matched = *from.route();
  std::optional<response> early;
  for (std::size_t i = 0; i < matched.before.size() && !early; ++i) {
    auto pending = matched.before[i](from);
    if (!pending.is_ready()) return admit_later(matched, from, i, std::move(pending));
    early = pending.take_ready();
  }
  if (!early) early = check_types(from, matched.options);
  if (early) early = with_hooks(matched, from, std::move(*early));
  return early;
}

std::optional<response> router::match(request& from) const {
  static constexpr std::string_view everything = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
  if (from.path() == "*") return std::move(no_content().add("Allow", everything));
  std::array<std::string_view, max_segments> segments;
  const auto split = request_internals::split_path(from, segments);
  if (split.malformed) {
    return problem(400, "the path is not percent-encoded UTF-8 without control characters and dot segments");
  }
  std::size_t values = 0;
  const node* found = nullptr;
  if (!split.too_many) {
    found = root_->find(std::span(segments).first(split.count), request_internals::path_values(from), values);
  }
  if (found == nullptr) return problem(404, "no resource has this path");
  if (from.method() == method::options) {
    auto allowed = std::move(no_content().add("Allow", found->allow));
    if (const auto& patched = found->routes[index(method::patch)];
        patched && !patched->options.consumes.empty()) {
      allowed.add("Accept-Patch", consumed_types(patched->options));
    }
    return allowed;
  }
  const auto routed = from.method() == method::head ? method::get : from.method();
  const auto* matched = found->routes[index(routed)].get();
  if (matched == nullptr) {
    return std::move(problem(405, "this resource does not support the method").add("Allow", found->allow));
  }
  request_internals::set_route(from, matched);
  request_internals::set_path_values(from, values);
  return {};
}

route_group::route_group(router& owner, std::vector<step> before, std::vector<hook> after)
    : owner_(owner), before_(std::move(before)), after_(std::move(after)) {
}

route_group& route_group::add(method on, std::string pattern, handler answer, route_options options) {
  route what;
  what.before = before_;
  what.answer = std::move(answer);
  what.after = after_;
  what.options = std::move(options);
  owner_.add(on, std::move(pattern), std::move(what));
  return *this;
}

route_group& route_group::get(std::string pattern, handler answer, route_options options) {
  return add(method::get, std::move(pattern), std::move(answer), std::move(options));
}
route_group& route_group::post(std::string pattern, handler answer, route_options options) {
  return add(method::post, std::move(pattern), std::move(answer), std::move(options));
}
route_group& route_group::put(std::string pattern, handler answer, route_options options) {
  return add(method::put, std::move(pattern), std::move(answer), std::move(options));
}
route_group& route_group::patch(std::string pattern, handler answer, route_options options) {
  return add(method::patch, std::move(pattern), std::move(answer), std::move(options));
}
route_group& route_group::remove(std::string pattern, handler answer, route_options options) {
  return add(method::delete_, std::move(pattern), std::move(answer), std::move(options));
}

}  // namespace strata::server
