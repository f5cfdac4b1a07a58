#include "server/request_steps.hpp"

#include "server/request_internals.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace strata::server {

namespace {

constexpr std::string_view too_many = "too many refused requests; wait as long as Retry-After says";

/// Rounded up, so that a client that waits this long is admitted.
std::chrono::seconds whole_seconds(duration time) {
  return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(time));
}

}  // namespace

task<response> as_response(task<std::optional<response>> pending) {
  auto early = co_await std::move(pending);
  if (early) co_return std::move(*early);
  response go_on;
  go_on.status = 100;
  co_return go_on;
}

std::optional<response> request_steps::route(exchange& of, std::string_view body, time_point now,
                                             connection_memory* memory) const {
  const auto& head = of.head;
  auto& incoming = of.incoming;
  const auto& core = loop_.core();
  const auto refused = request_internals::fill(incoming, head,
                                               {.body = body,
                                                .peer = from_.text,
                                                .generated_id = loop_.next_id(),
                                                .now = now,
                                                .deadline = now + core.options.request_timeout,
                                                .memory = memory});
  if (from_.behind_proxy && core.options.client_from != client_source::proxy_protocol) {
    request_internals::set_peer(incoming, find_client(of));
  }
  if (refused) return problem(refused->status, refused->reason);
  if (auto early = core.routes.match(incoming)) return early;
  const auto limit = core.body_limit(incoming);
  if (head.content_length > limit || body.size() > limit) {
    return problem(413, "the body is larger than " + std::to_string(limit) + " bytes");
  }
  return {};
}

std::string_view request_steps::find_client(exchange& of) const {
  const auto& options = loop_.core().options;
  const auto& incoming = of.incoming;
  const auto which = options.client_from == client_source::forwarded ? http::forwarded_field::forwarded
                     : options.client_from == client_source::x_forwarded_for
                         ? http::forwarded_field::x_forwarded_for
                         : http::forwarded_field::either;
  const http::ip_address peer{from_.whole};
  const auto client = http::find_client(peer, incoming.field_list("forwarded"),
                                        incoming.field_list("x-forwarded-for"), loop_.core().trusted, which);
  if (client == peer) return from_.text;
  of.client = http::to_text(client);
  return of.client;
}

std::optional<rate_limit_state> request_steps::count_refused(const request* from, int status) const {
  const auto& count = loop_.core().options.count_refused;
  if (!count || status < 400 || status > 499 || (from != nullptr && from->rate_limit)) return {};
  return count(from != nullptr ? from->peer() : std::string_view(from_.text), from);
}

response request_steps::failure(const exchange& of, const std::exception_ptr& error) const {
  std::string why = "an exception that is not a std::exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    why = thrown.what();
  } catch (...) {  // NOLINT: `why` says so
  }
  if (const auto& log = loop_.core().options.error_log) {
    std::string line(of.head.method);
    line.append(" ")
        .append(of.incoming.path())
        .append(" [")
        .append(of.incoming.request_id())
        .append("]: ")
        .append(why);
    log(line);
  }
  return problem(500, "the server failed to answer; its log has the reason under this request id");
}

connection_facts request_steps::facts(bool close, bool http_1_0) {
  const auto date = loop_.date();
  return {.date = date,
          .now = loop_.date_seconds(),
          .close = close,
          .http_1_0 = http_1_0,
          .cors = &loop_.core().options.cors};
}

wire_response request_steps::answer(exchange& of, response with, bool close, std::string& out) {
  if (with.status < 200 || with.status > 599)
    with = problem(500, "the handler answered with an invalid status");
  if (auto counted = count_refused(&of.incoming, with.status)) {
    of.incoming.rate_limit = counted;
    if (counted->exceeded) with = problem(429, too_many);
  }
  auto written = write_response(of.incoming, std::move(with), facts(close, of.head.http_1_0), out);
  record(of, written);
  request_internals::clear(of.incoming);
  return written;
}

wire_response request_steps::refuse(int status, std::string_view reason, std::string& out) {
  char id[17];
  auto number = loop_.next_id();
  for (int i = 15; i >= 0; --i, number >>= 4) id[i] = "0123456789abcdef"[number & 15];
  const auto counted = count_refused(nullptr, status);
  if (counted && counted->exceeded) {
    status = 429;
    reason = too_many;
  }
  auto told = problem(status, reason);
  if (status == 429) told.add("Retry-After", std::to_string(whole_seconds(counted->retry_after).count()));
  if (status == 503) told.add("Retry-After", "1");
  auto written = write_unparsed_response(std::move(told), facts(true, false), {id, 16}, out);
  loop_.count().responses[static_cast<std::size_t>(status / 100)].add();
  if (const auto& log = loop_.core().options.access_log) {
    log({.request_id = {id, 16}, .peer = from_.text, .status = status, .bytes = written.bytes});
  }
  return written;
}

void request_steps::record(const exchange& of, const wire_response& out) {
  const auto& answered = of.incoming;
  auto& count = loop_.count();
  count.responses[static_cast<std::size_t>(out.status / 100)].add();
  const auto took = std::chrono::steady_clock::now() - answered.now();
  count.latency.record(took);
  if (const auto& log = loop_.core().options.access_log) {
    log({.method = of.head.method,
         .target = answered.target(),
         .route =
             answered.route() != nullptr ? std::string_view(answered.route()->pattern) : std::string_view(),
         .request_id = answered.request_id(),
         .peer = answered.peer(),
         .status = out.status,
         .bytes = out.bytes,
         .duration = took,
         .cache = out.cache ? &*out.cache : nullptr});
  }
}

}  // namespace strata::server
