#include "platform/access_steps.hpp"

#include "platform/consistency_cookie.hpp"
#include "platform/entities/organization.hpp"
#include "platform/entities/user_permissions.hpp"
#include "platform/permissions.hpp"
#include "platform/responses.hpp"
#include "platform/session_cookie.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

namespace strata::platform {

namespace {

namespace server = strata::server;
using strata::task;
using early = std::optional<response>;

early cross_site() {
  return forbidden("a page of another site sent this request; its origin is not among auth.origins");
}

bool only_reads(const request& from) {
  return from.method() == server::method::get || from.method() == server::method::head;
}

// The user must exist and their organization be active: a session holds no longer than either. A user whose
// row, or session, is stale may only read, and not as an administrator.
early settle(request& from, const strata::lookup<cached_response<user>>& found,
             const strata::lookup<cached_response<organization>>& home, bool is_session_stale) {
  if (home.failure() != nullptr) return failed(*home.failure());
  if (!home || !home->row.is_active) return unauthenticated();
  if (!found.info().stale && !is_session_stale) {
    from.set_principal<principal>(found.value());
    return {};
  }
  // The database does not answer, so nothing can be written. Rights that may be outdated are not granted, but
  // for reading one's own organization.
  if (!only_reads(from)) return failed({.code = strata::errc::database_unavailable, .detail = {}});
  auto without_rights = *found;
  without_rights.row.was_admin = std::exchange(without_rights.row.is_admin, false);
  from.set_principal<principal>(std::make_shared<const principal>(std::move(without_rights)));
  return {};
}

early refuse_stranger(const strata::lookup<cached_response<user>>& found) {
  if (found.failure() != nullptr) return failed(*found.failure());
  if (found) return {};
  return unauthenticated();
}

/// A connection's last login: its token, and the cache keys of session, user and organization. It saves
/// hashing the token and building the keys. Session, user and organization are looked up again for every
/// request.
struct known_login {
  known_login(std::string_view sent, strata::session_store::key_type of, const services& in, const user& who)
      : token(sent),
        session_key(std::move(of)),
        user_id(who.id),
        user_key(in.data.rows<user_entity>().key_of(who.id)),
        home(who.organization_id),
        home_key(in.data.rows<organization_entity>().key_of(home)) {}
  ~known_login() { sodium_memzero(token.data(), token.size()); }
  known_login(const known_login&) = delete;
  known_login& operator=(const known_login&) = delete;

  std::string token;
  strata::session_store::key_type session_key;
  std::string user_id;
  strata::typed_key<cached_response<user>> user_key;
  std::string home;
  strata::typed_key<cached_response<organization>> home_key;
};

/// The connection's last login, if `from` carries the same token. Tokens are compared in constant time, since
/// a proxy's connection carries the tokens of several users.
const known_login* known_of(const request& from, std::string_view token) {
  const auto* known = from.remembered<known_login>();
  if (known == nullptr || known->token.size() != token.size()) return nullptr;
  return sodium_memcmp(known->token.data(), token.data(), token.size()) == 0 ? known : nullptr;
}

using session_lookup = strata::lookup<session>;

early refuse_session(const session_lookup& found) {
  if (found.failure() != nullptr) return failed(*found.failure());
  if (!found) return unauthenticated();
  return {};
}

task<early> find_user_later(const services& in, request& from, std::string user_id, bool is_session_stale) {
  const auto how = session_read(in, from);
  auto pending = in.data.rows<user_entity>().find(user_id, how);
  const auto found = co_await std::move(pending);
  if (auto refused = refuse_stranger(found)) co_return refused;
  auto organization = in.data.rows<organization_entity>().find(found->row.organization_id, how);
  const auto home = co_await std::move(organization);
  co_return settle(from, found, home, is_session_stale);
}

// Looks the user of the session up. Ready, without a coroutine frame, if the cache holds all of it.
task<early> find_user(const services& in, request& from, const session_lookup& held, const known_login* known,
                      const strata::session_store::key_type& key, std::string_view token) {
  if (auto refused = refuse_session(held)) return refused;
  const bool stale = held.info().stale;
  const auto how = session_read(in, from);
  const bool any_age = how.at_least == 0;
  auto pending = known != nullptr && any_age
                     ? in.data.rows<user_entity>().find(known->user_key, known->user_id)
                     : in.data.rows<user_entity>().find(held->user_id, how);
  if (!pending.is_ready()) return find_user_later(in, from, held->user_id, stale);
  const auto found = pending.take_ready();
  if (auto refused = refuse_stranger(found)) return refused;
  const bool same_home = known != nullptr && known->home == found->row.organization_id;
  auto organization = same_home && any_age
                          ? in.data.rows<organization_entity>().find(known->home_key, known->home)
                          : in.data.rows<organization_entity>().find(found->row.organization_id, how);
  if (!organization.is_ready()) return find_user_later(in, from, held->user_id, stale);
  auto refused = settle(from, found, organization.take_ready(), stale);
  if (!refused && !same_home) {
    from.remember(std::make_shared<const known_login>(token, key, in, found->row));
  }
  return refused;
}

// The session is not in memory, or its user has gained rights since it began. Then a browser gets a new
// token: it may hold one that somebody planted before the user had anything to lose.
task<early> authenticate_later(const services& in, request& from, task<session_lookup> pending,
                               strata::session_store::key_type key, sent_token sent) {
  const auto held = co_await std::move(pending);
  if (held && held->rotation_due && sent.by_cookie) {
    auto rotating = in.sessions.rotate_if_due(sent.text);
    if (const auto next = co_await std::move(rotating); next && *next) {
      from.response_fields.emplace_back("Set-Cookie", session_cookie_line((*next)->token, in.auth));
    }
  }
  auto finding = find_user(in, from, held, nullptr, key, sent.text);
  co_return co_await std::move(finding);
}

task<early> authenticate(const services& in, request& from) {
  const auto sent = token_sent_with(in.auth, from);
  if (sent.by_cookie && !only_reads(from) && is_cross_site(in.auth, from)) return cross_site();
  const auto* known = known_of(from, sent.text);
  std::optional<strata::session_store::key_type> made;
  if (known == nullptr) {
    made = in.sessions.key_of(sent.text);
    if (!made) return unauthenticated();
  }
  const auto& key = known != nullptr ? known->session_key : *made;
  auto pending = in.sessions.find(key);
  if (!pending.is_ready()) return authenticate_later(in, from, std::move(pending), key, sent);
  auto held = pending.take_ready();
  if (held && held->rotation_due && sent.by_cookie) {
    return authenticate_later(in, from, task<session_lookup>(std::move(held)), key, sent);
  }
  return find_user(in, from, held, known, key, sent.text);
}

early refuse_member(const request& from) {
  const auto* who = from.who<principal>();
  if (who != nullptr && who->row.is_admin) return {};
  return forbidden("only an administrator of your organization may do this");
}

early refuse_without(std::string_view needed,
                     const strata::lookup<cached_response<user_permissions>>& found) {
  if (found.failure() != nullptr) return failed(*found.failure());
  // While the database does not answer, what was true a minute ago allows reading one's own organization.
  if (found.info().stale && !allows_only_reading(needed)) {
    return failed({.code = strata::errc::database_unavailable, .detail = {}});
  }
  if (grants(found ? found->row.permissions : default_permissions(), needed)) return {};
  return forbidden("this needs the permission " + std::string(needed) +
                   ", which an administrator of your organization can grant");
}

task<early> require_later(std::string_view needed,
                          task<strata::lookup<cached_response<user_permissions>>> pending) {
  const auto found = co_await std::move(pending);
  co_return refuse_without(needed, found);
}

task<early> require(const services& in, const request& from, std::string_view needed) {
  const auto* who = from.who<principal>();
  if (who->row.is_admin || (who->row.was_admin && allows_only_reading(needed))) return early();
  auto pending = in.data.rows<user_permissions_entity>().find(who->row.id, session_read(in, from));
  if (!pending.is_ready()) return require_later(needed, std::move(pending));
  return refuse_without(needed, pending.take_ready());
}

server::rate_limit_state state_of(const strata::rate_limit& rule, std::string_view name,
                                  const strata::rate_decision& decided) {
  // `limit` requests may come at once, and are whole again after as long as they take to refill.
  const auto window = std::chrono::duration<double>(rule.window) * static_cast<double>(decided.limit) /
                      static_cast<double>(rule.limit);
  return {.policy = name,
          .limit = decided.limit,
          .remaining = decided.remaining,
          .window = std::chrono::round<strata::duration>(window),
          .reset_after = decided.reset_after,
          .retry_after = decided.retry_after,
          .exceeded = !decided.allowed};
}

early note(const strata::rate_limit& rule, std::string_view name, const strata::rate_decision& decided,
           request& from) {
  from.rate_limit = state_of(rule, name, decided);
  if (decided.allowed) return {};
  return server::problem(429, "too many requests; wait as long as Retry-After says");
}

task<early> note_later(const strata::rate_limit& rule, std::string_view name,
                       task<strata::rate_decision> pending, request& from) {
  const auto decided = co_await std::move(pending);
  co_return note(rule, name, decided, from);
}

bool may_change(const request& from) {
  return from.method() != server::method::get && from.method() != server::method::head;
}

task<early> limit_user_later(const services& in, request& from, task<early> writes) {
  auto refused = co_await std::move(writes);
  if (refused) co_return refused;
  auto all = limit_together(in.limited.user, from.who<principal>()->row.id, from);
  co_return co_await std::move(all);
}

/// Counts a user's request, and first, if it may change something, among those.
task<early> limit_user(const services& in, request& from) {
  const std::string_view user = from.who<principal>()->row.id;
  if (may_change(from) && in.limited.user_writes.get() != nullptr) {
    auto writes = limit_together(in.limited.user_writes, user, from);
    if (!writes.is_ready()) return limit_user_later(in, from, std::move(writes));
    if (auto refused = writes.take_ready()) return early(std::move(refused));
  }
  return limit_together(in.limited.user, user, from);
}

early refuse_query(const std::vector<std::string_view>& known, const request& from) {
  if (from.query().empty()) return {};
  std::vector<server::field_problem> problems;
  for (const auto& each : from.query()) {
    if (std::ranges::find(known, each.name) == known.end()) {
      problems.push_back({std::string(each.name), "is not a known query parameter"});
    } else if (from.query_count(each.name) > 1) {
      problems.push_back({std::string(each.name), "is there more than once"});
    }
    if (problems.size() == 20) break;
  }
  if (problems.empty()) return {};
  return unprocessable(problems);
}

}  // namespace

void current_limiter::set(const strata::rate_limit& rule) {
  const strata::detail::scoped_lock lock(mutex_);
  if (rule.limit == rule_.limit && rule.window == rule_.window && rule.burst == rule_.burst) return;
  rule_ = rule;
  if (rule.limit > 0) {
    all_.push_back(std::make_unique<strata::rate_limiter>(
        rule, strata::rate_limiter_options{
                  .name = std::string(name_), .shared = shared_.store, .time = shared_.time}));
  }
  now_.store(rule.limit > 0 ? all_.back().get() : nullptr, std::memory_order_release);
}

limits::limits(const limit_settings& settings, const limits_shared& with)
    : user("user", settings.user, with),
      user_writes("user_writes", settings.user_writes, with),
      address("address", settings.address, with),
      login_account("login_account", settings.login_account, with),
      login_address("login_address", settings.login_address, with) {
}

std::vector<std::pair<std::string_view, strata::rate_limiter_stats>> limits::stats() const {
  std::vector<std::pair<std::string_view, strata::rate_limiter_stats>> out;
  for (const auto* each : {&user, &user_writes, &address, &login_account, &login_address}) {
    if (const auto* now = each->get()) out.emplace_back(each->name(), now->stats());
  }
  return out;
}

void limits::set(const limit_settings& settings) {
  user.set(settings.user);
  user_writes.set(settings.user_writes);
  address.set(settings.address);
  login_account.set(settings.login_account);
  login_address.set(settings.login_address);
}

task<early> limit_together(const current_limiter& in_force, std::string_view caller, request& from) {
  auto* const by = in_force.get();
  if (by == nullptr) return early();
  auto pending = by->take(caller);
  if (!pending.is_ready()) return note_later(by->rule(), in_force.name(), std::move(pending), from);
  return note(by->rule(), in_force.name(), pending.take_ready(), from);
}

std::optional<server::rate_limit_state> count_refused(const services& in, std::string_view peer,
                                                      const request* from) {
  const auto* who = from == nullptr ? nullptr : from->who<principal>();
  const auto& in_force = who != nullptr ? in.limited.user : in.limited.address;
  auto* const by = in_force.get();
  if (by == nullptr) return {};
  const auto decided =
      who != nullptr ? by->take_now(who->row.id) : by->take_now(server::client_network(peer));
  return state_of(by->rule(), in_force.name(), decided);
}

std::vector<server::step> access_steps(const services& in, access who, std::string_view needs,
                                       std::vector<std::string_view> query) {
  std::vector<server::step> steps;
  const bool signed_in = who == access::member || who == access::admin;
  // 1. Authenticate.
  if (signed_in) steps.emplace_back([&in](request& from) { return authenticate(in, from); });
  if (who == access::login) {
    steps.emplace_back([&in](request& from) -> task<early> {
      // A page of another site must not log its visitor in as somebody else.
      return is_cross_site(in.auth, from) ? cross_site() : early();
    });
  }
  // 2. Authorize.
  if (who == access::admin)
    steps.emplace_back([](request& from) -> task<early> { return refuse_member(from); });
  if (!needs.empty()) steps.emplace_back([&in, needs](request& from) { return require(in, from, needs); });
  // 3. Limit.
  steps.emplace_back([&in, who](request& from) -> task<early> {
    switch (who) {
      case access::anyone:
        return limit_together(in.limited.address, server::client_network(from.peer()), from);
      case access::login:
        return limit_together(in.limited.login_address, server::client_network(from.peer()), from);
      case access::member:
      case access::admin:
        break;
    }
    return limit_user(in, from);
  });
  // 4. Only then look at the request: the query, the handler and, last, the conditions, which the server
  // checks.
  steps.emplace_back(
      [known = std::move(query)](request& from) -> task<early> { return refuse_query(known, from); });
  return steps;
}

}  // namespace strata::platform
