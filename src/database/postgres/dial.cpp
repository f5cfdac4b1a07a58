#include "database/postgres/dial.hpp"

#include "database/postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <poll.h>

#include <algorithm>

namespace strata::detail {

namespace {

constexpr int oldest_server = 150'000;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::unexpected<error> refused(const server_address& to, const std::string& why) {
  return fail(errc::database_unavailable,
              "cannot connect to PostgreSQL: " + to.without_password(trimmed(why)));
}

/// Waits until libpq can go on. Returns false when time is up or `stop` is set.
bool wait_for(pg_conn* connection, PostgresPollingStatusType wanted, time_point until,
              const std::atomic<bool>& stop) {
  while (!stop.load()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{PQsocket(connection), static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                 0};
    if (::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, 50))) > 0) return true;
  }
  return false;
}

/// A thread may be connecting while the process ends, so OpenSSL must not clean up at exit. It accepts this
/// setting only before its first use.
void keep_openssl_to_the_end() {
  static const int initialized = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  static_cast<void>(initialized);
}

}  // namespace

void end_connection::operator()(pg_conn* connection) const noexcept {
  PQfinish(connection);
}

result<connection_handle> dial(const server_address& to, server_address::role as, duration patience,
                               const std::atomic<bool>& stop) {
  keep_openssl_to_the_end();
  const time_point until = std::chrono::steady_clock::now() + patience;
  const auto keywords = to.for_role(as);
  connection_handle made(PQconnectStartParams(keywords.names.data(), keywords.values.data(), 0));
  if (!made) return refused(to, "out of memory");
  auto* const raw = made.get();
  PQsetNoticeReceiver(raw, [](void*, const PGresult*) {}, nullptr);  // the default prints to stderr
  auto wanted = PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    if (!wait_for(raw, wanted, until, stop)) {
      return refused(to, fmt::format("no answer within {} ms",
                                     std::chrono::floor<std::chrono::milliseconds>(patience).count()));
    }
    wanted = PQconnectPoll(raw);
  }
  if (wanted != PGRES_POLLING_OK) return refused(to, PQerrorMessage(raw));
  if (const int version = PQserverVersion(raw); version < oldest_server) {
    return refused(to, fmt::format("the server is version {}, and 15 or newer is needed", version / 10'000));
  }
  if (PQsetnonblocking(raw, 1) != 0 || PQenterPipelineMode(raw) != 1) return refused(to, PQerrorMessage(raw));
  return made;
}

void cancel_request::free_cancel::operator()(pg_cancel* cancel) const noexcept {
  PQfreeCancel(cancel);
}

cancel_request::cancel_request(pg_conn* of) : held_(PQgetCancel(of), free_cancel()) {
}

void cancel_request::send() const {
  char reason[256];
  if (held_) PQcancel(held_.get(), reason, sizeof reason);  // it is a courtesy; the session ends anyway
}

}  // namespace strata::detail
