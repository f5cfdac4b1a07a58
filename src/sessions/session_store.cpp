/// The statements of sessions, and when a copy of one may be trusted. Long because every operation is both.

#include "core/mutex.hpp"
#include "core/option_problems.hpp"
#include "sessions/session_seal.hpp"

#include <strata/json_codec.hpp>
#include <strata/rfc3339.hpp>
#include <strata/session_store.hpp>

#include <fmt/format.h>
#include <sodium.h>
#include <boost/describe.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace strata {

namespace {

constexpr std::string_view token_prefix = "sess_";
constexpr std::size_t random_size = 32;
constexpr std::size_t encoded_size = 43;  // 32 bytes in base64 without padding
constexpr std::string_view key_prefix = "session:";
constexpr std::size_t max_detail = 256;
constexpr std::size_t batch = 200;  // rows of one statement of `maintain`
constexpr int batches = 50;         // statements of one kind in one call of `maintain`

constexpr std::string_view columns =
    "SELECT s.id AS id, s.user_id AS user_id, s.created_at AS created_at, s.ends_at AS ends_at, "
    "s.rotation_due AS rotation_due, s.details AS details, u.used_at AS used_at "
    "FROM sessions s LEFT JOIN session_uses u ON u.session_id = s.id ";

/// What people see in a list of sessions.
struct session_details {
  std::string device, address;
};
BOOST_DESCRIBE_STRUCT(session_details, (), (device, address))

std::string encoded(std::span<const unsigned char, random_size> bytes) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::array<char, encoded_size + 1> text;
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
  return {text.data(), encoded_size};
}

std::string new_token() {
  std::array<unsigned char, random_size> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  auto token = std::string(token_prefix) + encoded(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return token;
}

bool is_token(std::string_view text) {
  return text.size() == token_prefix.size() + encoded_size && text.starts_with(token_prefix);
}

/// A token has 256 random bits, so its hash needs neither key nor salt.
std::string id_of(std::string_view token) {
  std::array<unsigned char, random_size> hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  return encoded(hash);
}

std::string tag_of(std::string_view user_id) {
  return "sessions_of:" + std::string(user_id);
}

std::string cut(std::string text) {
  if (text.size() > max_detail) text.resize(max_detail);
  // The rest is JSON and SQL text: no half of a character, no byte that is none.
  std::erase_if(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e;
  });
  return text;
}

result<session> session_of(const sql_rows& rows, std::size_t at, const key_ring* keys) {
  const auto text = [&](std::string_view column) -> std::string {
    const auto* const found = std::get_if<std::string>(&rows.at(at, column));
    return found != nullptr ? *found : std::string();
  };
  session out;
  out.id = text("id");
  out.user_id = text("user_id");
  const auto created = parse_rfc3339(text("created_at"));
  const auto ends = parse_rfc3339(text("ends_at"));
  if (!created || !ends)
    return fail(errc::corrupt_entry, "a row of sessions has a time that is not RFC 3339");
  out.created_at = *created;
  out.ends_at = *ends;
  out.used_at = parse_rfc3339(text("used_at")).value_or(*created);
  const auto* const due = std::get_if<std::int64_t>(&rows.at(at, "rotation_due"));
  out.rotation_due = due != nullptr && *due != 0;
  // Device and address are for people to read. A session whose details were encrypted with a retired key
  // holds.
  if (auto opened = detail::open_session(text("details"), out.id, keys)) {
    if (auto details = json::read_stored<session_details>(*opened)) {
      out.device = std::move(details->device);
      out.address = std::move(details->address);
    }
  }
  return out;
}

/// Adds the rows of a session that begins.
task<result<void>> insert(unit_of_work& work, const session& of, const key_ring* keys) {
  const auto details = json::text_of(session_details{of.device, of.address});
  sql_parameters row{of.id, of.user_id, rfc3339(of.created_at), rfc3339(of.ends_at),
                     detail::seal_session(details, of.id, keys)};
  auto inserted = co_await work.execute(
      "INSERT INTO sessions (id, user_id, created_at, ends_at, details) VALUES ($1, $2, $3, $4, $5)",
      std::move(row));
  if (!inserted) co_return std::unexpected(std::move(inserted.error()));
  sql_parameters use{of.id, rfc3339(of.used_at)};
  auto used =
      co_await work.execute("INSERT INTO session_uses (session_id, used_at) VALUES ($1, $2)", std::move(use));
  if (!used) co_return std::unexpected(std::move(used.error()));
  co_return result<void>();
}

lookup<session> absent(read_info info) {
  if (info.from == layer::none) info.from = layer::source;
  return lookup<session>(detail::any_lookup{.info = info});
}

lookup<session> failed(const lookup<session>& found, error why) {
  return lookup<session>(
      detail::any_lookup{.info = found.info(), .failure = std::make_shared<const error>(std::move(why))});
}

session_options checked(session_options options) {
  detail::option_problems problems;
  problems.require(options.idle > duration::zero(), "session idle must be above 0");
  problems.require(options.lifetime >= options.idle, "session lifetime must not be below session idle");
  problems.require(options.write_interval > duration::zero(), "session write_interval must be above 0");
  problems.require(options.rotation_grace >= duration::zero(), "session rotation_grace must not be below 0");
  problems.require(options.time != nullptr, "session time is missing");
  for (const auto& each : strata::problems(options.copies)) problems.add("session copies: " + each);
  problems.throw_if_any();
  options.write_interval = std::min(options.write_interval, options.idle / 8);
  return options;
}

}  // namespace

struct session_store::state {
  state(database& source, cache& target, session_options given)
      : options(checked(std::move(given))), source(&source), target(&target), entity(options.copies) {}

  session_options options;
  database* source;
  cache* target;
  session_entity entity;

  detail::mutex mutex;
  // The newest use of each session that is not recorded yet.
  std::unordered_map<std::string, wall_time> used STRATA_GUARDED_BY(mutex);

  std::atomic<std::uint64_t> created = 0, ended = 0, rotated = 0, refused = 0, expired = 0, recorded = 0,
                             failures = 0;

  wall_time now() const { return options.time->wall(); }
  wall_time after(wall_time from, duration span) const {
    return from + std::chrono::ceil<std::chrono::milliseconds>(span);
  }

  void note(const session& of, wall_time at) {
    const detail::scoped_lock lock(mutex);
    auto& last = used[of.id];
    last = std::max(last, at);
  }
  wall_time last_use(const session& of) {
    const detail::scoped_lock lock(mutex);
    const auto found = used.find(of.id);
    return found == used.end() ? of.used_at : std::max(of.used_at, found->second);
  }

  /// Drops the copies of the sessions `ids`.
  task<void> drop(std::vector<std::string> ids) {
    std::vector<key> keys;
    for (const auto& id : ids) keys.push_back(entity(id).key);
    co_await target->remove(std::move(keys));
  }
};

/// Loads the session of a key. It copies the key only when it is moved, that is, not on a hit.
class session_store::loader {
 public:
  loader(session_store& from, const key& of) : from_(&from), key_(&of) {}
  loader(loader&& other)
      : from_(other.from_), kept_(other.kept_ ? std::move(other.kept_) : std::string(other.id())) {}
  task<result<std::optional<session>>> operator()(fill_context& context) const {
    return from_->load(std::string(id()), context);
  }

 private:
  std::string_view id() const {
    return kept_ ? std::string_view(*kept_) : std::string_view(key_->text()).substr(key_prefix.size());
  }

  session_store* from_;
  const key* key_ = nullptr;
  std::optional<std::string> kept_;
};

std::string session_store::schema(std::string_view users) {
  return fmt::format(
      R"sql(
CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL{},
  created_at   TEXT NOT NULL,
  ends_at      TEXT NOT NULL,
  rotation_due BIGINT NOT NULL DEFAULT 0,
  details      TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE TABLE session_uses (
  session_id TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  used_at    TEXT NOT NULL
);
CREATE INDEX session_uses_by_time ON session_uses (used_at);
)sql",
      users.empty() ? std::string() : fmt::format(" REFERENCES {} (id) ON DELETE CASCADE", users));
}

session_store::session_store(database& source, cache& target, session_options options)
    : state_(std::make_unique<state>(source, target, std::move(options))) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
}

session_store::~session_store() = default;

const session_options& session_store::options() const noexcept {
  return state_->options;
}

task<result<started_session>> session_store::create(new_session of) {
  auto attempt = [this, &of](unit_of_work work) -> task<result<started_session>> {
    auto made = co_await create_in(work, of);
    if (!made) co_return made;
    auto done = co_await work.commit();
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return made;
  };
  co_return co_await in_transaction(*state_->source, *state_->target, attempt);
}

task<result<started_session>> session_store::create_in(unit_of_work& work, new_session of) {
  auto made = std::make_shared<session>();
  auto token = new_token();
  made->id = id_of(token);
  made->user_id = std::move(of.user_id);
  made->device = cut(std::move(of.device));
  made->address = cut(std::move(of.address));
  made->created_at = made->used_at = state_->now();
  made->ends_at = state_->after(made->created_at, state_->options.lifetime);
  auto inserted = co_await insert(work, *made, state_->options.encryption.get());
  if (!inserted) co_return std::unexpected(std::move(inserted.error()));
  state_->created.fetch_add(1, std::memory_order_relaxed);
  co_return started_session{std::move(token), std::move(made)};
}

std::optional<session_store::key_type> session_store::key_of(std::string_view token) const {
  if (!is_token(token)) return {};
  return state_->entity(id_of(token));
}

task<lookup<session>> session_store::find(std::string_view token) {
  auto key = key_of(token);
  if (!key) {
    state_->refused.fetch_add(1, std::memory_order_relaxed);
    return absent({});
  }
  auto pending = state_->target->get_or_set(*key, loader(*this, key->key));
  if (!pending.is_ready()) return judge_later(std::move(pending), std::move(*key));
  auto found = pending.take_ready();
  if (found && found->checked_.get() > state_->options.time->coarse_now()) return found;
  return judge(std::move(found), std::move(*key));
}

task<lookup<session>> session_store::find(const key_type& key) {
  auto pending = state_->target->get_or_set(key, loader(*this, key.key));
  if (!pending.is_ready()) return judge_later(std::move(pending), key);
  auto found = pending.take_ready();
  if (found && found->checked_.get() > state_->options.time->coarse_now()) return found;
  return judge(std::move(found), key);
}

task<lookup<session>> session_store::judge_later(task<lookup<session>> pending, key_type key) {
  auto found = co_await std::move(pending);
  auto judged = judge(std::move(found), std::move(key));
  co_return co_await std::move(judged);
}

// A copy does not know of uses in other processes. So one that seems idle is read again before it is refused.
task<lookup<session>> session_store::judge(lookup<session> found, key_type key) {
  const auto& options = state_->options;
  const auto refuse = [&](const lookup<session>& what) {
    state_->refused.fetch_add(1, std::memory_order_relaxed);
    return absent(what.info());
  };
  if (found.failure() != nullptr) co_return found;
  if (!found) co_return refuse(found);
  const auto now = state_->now();
  if (now >= found->ends_at) co_return refuse(found);
  if (now - state_->last_use(*found) >= options.idle) {
    auto reading = state_->target->refresh(key, loader(*this, key.key));
    auto again = co_await std::move(reading);
    if (again.failure() != nullptr) co_return again;
    if (again.info().stale) {
      co_return failed(again, {errc::database_unavailable, "the last use of a session cannot be read"});
    }
    if (!again || now >= again->ends_at || now - again->used_at >= options.idle) co_return refuse(again);
    found = std::move(again);
  }
  state_->note(*found, now);
  const auto left = std::min<duration>(options.write_interval, found->ends_at - now);
  found->checked_.set(options.time->coarse_now() + left);
  co_return found;
}

task<result<std::optional<session>>> session_store::load(std::string id, fill_context& context) {
  sql_parameters parameters{std::move(id)};
  const auto statement = std::string(columns) + "WHERE s.id = $1";
  auto rows = co_await state_->source->query(statement, std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  if (rows->empty()) {
    context.local_at_first();  // a stranger can make up any number of tokens
    co_return std::optional<session>();
  }
  auto read = session_of(*rows, 0, state_->options.encryption.get());
  if (!read) co_return std::unexpected(std::move(read.error()));
  context.add_tag(tag_of(read->user_id));
  co_return std::optional<session>(std::move(*read));
}

wall_time session_store::expires_at(const session& of) const {
  return std::min(of.ends_at,
                  state_->now() + std::chrono::floor<std::chrono::milliseconds>(state_->options.idle));
}

// The copies go even if the statement failed: it may have reached the database.
task<result<bool>> session_store::end(std::string_view token) {
  if (!is_token(token)) co_return false;
  auto id = id_of(token);
  sql_parameters parameters{id};
  auto gone = co_await state_->source->execute("DELETE FROM sessions WHERE id = $1", std::move(parameters));
  std::vector<std::string> ids{std::move(id)};
  auto dropping = state_->drop(std::move(ids));
  co_await std::move(dropping);
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  state_->ended.fetch_add(static_cast<std::uint64_t>(gone->changed()), std::memory_order_relaxed);
  co_return gone->changed() > 0;
}

task<result<bool>> session_store::end_one(std::string user_id, std::string id) {
  sql_parameters parameters{id, std::move(user_id)};
  auto gone = co_await state_->source->execute("DELETE FROM sessions WHERE id = $1 AND user_id = $2",
                                               std::move(parameters));
  if (gone && gone->changed() == 0) co_return false;
  std::vector<std::string> ids{std::move(id)};
  auto dropping = state_->drop(std::move(ids));
  co_await std::move(dropping);
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  state_->ended.fetch_add(1, std::memory_order_relaxed);
  co_return true;
}

task<result<std::size_t>> session_store::end_all(std::string user_id, std::string except) {
  sql_parameters parameters{user_id, std::move(except)};
  auto gone = co_await state_->source->execute("DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
                                               std::move(parameters));
  auto dropping = forget(std::move(user_id));
  co_await std::move(dropping);
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  state_->ended.fetch_add(static_cast<std::uint64_t>(gone->changed()), std::memory_order_relaxed);
  co_return static_cast<std::size_t>(gone->changed());
}

task<result<std::size_t>> session_store::end_all_in(unit_of_work& work, std::string user_id,
                                                    std::string except) {
  sql_parameters parameters{std::move(user_id), std::move(except)};
  auto gone =
      co_await work.execute("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", std::move(parameters));
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  state_->ended.fetch_add(static_cast<std::uint64_t>(gone->changed()), std::memory_order_relaxed);
  co_return static_cast<std::size_t>(gone->changed());
}

task<void> session_store::forget(std::string user_id) {
  const auto tag = tag_of(user_id);
  co_await state_->target->remove_by_tag(tag);
}

task<result<std::vector<session>>> session_store::list(std::string user_id) {
  const auto now = state_->now();
  const auto oldest = now - std::chrono::floor<std::chrono::milliseconds>(state_->options.idle);
  sql_parameters parameters{std::move(user_id), rfc3339(now), rfc3339(oldest)};
  const auto statement = std::string(columns) +
                         "WHERE s.user_id = $1 AND s.ends_at > $2 AND COALESCE(u.used_at, s.created_at) > $3 "
                         "ORDER BY u.used_at DESC, s.id LIMIT 1000";
  auto rows = co_await state_->source->query(statement, std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  std::vector<session> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto read = session_of(*rows, i, state_->options.encryption.get());
    if (!read) co_return std::unexpected(std::move(read.error()));
    read->used_at = state_->last_use(*read);
    out.push_back(std::move(*read));
  }
  co_return out;
}

task<result<std::optional<started_session>>> session_store::rotate(std::string_view token) {
  return rotate(token, false);
}

task<result<std::optional<started_session>>> session_store::rotate_if_due(std::string_view token) {
  return rotate(token, true);
}

task<result<std::optional<started_session>>> session_store::rotate(std::string_view token, bool if_due) {
  if (!is_token(token)) co_return std::optional<started_session>();
  auto attempt = [this, id = id_of(token), if_due](unit_of_work work) {
    return rotate_in(std::move(work), id, if_due);
  };
  auto rotating = in_transaction(*state_->source, *state_->target, std::move(attempt));
  co_return co_await std::move(rotating);
}

task<result<std::optional<started_session>>> session_store::rotate_in(unit_of_work work, std::string id,
                                                                      bool if_due) {
  const auto now = state_->now();
  sql_parameters which{id};
  const auto statement = std::string(columns) + "WHERE s.id = $1";
  auto rows = co_await work.execute(statement, std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  if (rows->empty()) co_return std::optional<started_session>();
  auto before = session_of(*rows, 0, state_->options.encryption.get());
  if (!before) co_return std::unexpected(std::move(before.error()));
  if (now >= before->ends_at || (if_due && !before->rotation_due)) co_return std::optional<started_session>();

  auto next = std::make_shared<session>(*before);
  auto token = new_token();
  next->id = id_of(token);
  next->used_at = now;
  next->rotation_due = false;
  auto inserted = co_await insert(work, *next, state_->options.encryption.get());
  if (!inserted) co_return std::unexpected(std::move(inserted.error()));

  sql_parameters old{id,
                     rfc3339(std::min(before->ends_at, state_->after(now, state_->options.rotation_grace)))};
  if (!if_due) old.pop_back();
  auto ended =
      co_await work.execute(if_due ? "UPDATE sessions SET ends_at = $2, rotation_due = 0 WHERE id = $1"
                                   : "DELETE FROM sessions WHERE id = $1",
                            std::move(old));
  if (!ended) co_return std::unexpected(std::move(ended.error()));
  work.forget(state_->entity(id).key);
  auto done = co_await work.commit();
  if (!done) co_return std::unexpected(std::move(done.error()));
  state_->rotated.fetch_add(1, std::memory_order_relaxed);
  co_return std::optional<started_session>(started_session{std::move(token), std::move(next)});
}

task<result<void>> session_store::require_rotation_in(unit_of_work& work, std::string user_id) {
  sql_parameters parameters{std::move(user_id)};
  auto marked =
      co_await work.execute("UPDATE sessions SET rotation_due = 1 WHERE user_id = $1", std::move(parameters));
  if (!marked) co_return std::unexpected(std::move(marked.error()));
  co_return result<void>();
}

task<result<void>> session_store::maintain() {
  auto recording = record_uses();
  auto recorded = co_await std::move(recording);
  auto deleting = delete_ended();
  auto deleted = co_await std::move(deleting);
  for (const auto* each : {&recorded, &deleted}) {
    if (!*each) state_->failures.fetch_add(1, std::memory_order_relaxed);
  }
  co_return recorded ? deleted : recorded;
}

// One time for all of a batch: each was used within the last interval, and no use may seem older than it is.
task<result<void>> session_store::record_uses() {
  std::unordered_map<std::string, wall_time> used;
  {
    const detail::scoped_lock lock(state_->mutex);
    used.swap(state_->used);
  }
  auto at = used.begin();
  while (at != used.end()) {
    const auto first = at;
    wall_time newest{};
    sql_parameters parameters{std::string()};
    std::string ids;
    for (; at != used.end() && parameters.size() <= batch; ++at) {
      newest = std::max(newest, at->second);
      parameters.emplace_back(at->first);
      ids += fmt::format("{}${}", ids.empty() ? "" : ", ", parameters.size());
    }
    parameters.front() = rfc3339(newest);
    const auto statement =
        fmt::format("UPDATE session_uses SET used_at = $1 WHERE used_at < $1 AND session_id IN ({})", ids);
    auto done = co_await state_->source->execute(statement, std::move(parameters));
    if (!done) {
      const detail::scoped_lock lock(state_->mutex);
      for (auto left = first; left != used.end(); ++left) {
        auto& last = state_->used[left->first];
        last = std::max(last, left->second);
      }
      co_return std::unexpected(std::move(done.error()));
    }
    state_->recorded.fetch_add(static_cast<std::uint64_t>(done->changed()), std::memory_order_relaxed);
  }
  co_return result<void>();
}

// Idle sessions get a margin: another process may hold uses that it has not recorded yet.
task<result<void>> session_store::delete_ended() {
  const auto now = state_->now();
  const auto idle =
      std::chrono::ceil<std::chrono::milliseconds>(state_->options.idle + 2 * state_->options.write_interval);
  const std::array<std::pair<std::string, wall_time>, 2> kinds{
      {{fmt::format("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ends_at <= $1 LIMIT {})",
                    batch),
        now},
       {fmt::format("DELETE FROM sessions WHERE id IN (SELECT session_id FROM session_uses WHERE used_at <= "
                    "$1 LIMIT {})",
                    batch),
        now - idle}}};
  for (const auto& [statement, before] : kinds) {
    for (int i = 0; i < batches; ++i) {
      sql_parameters parameters{rfc3339(before)};
      auto gone = co_await state_->source->execute(statement, std::move(parameters));
      if (!gone) co_return std::unexpected(std::move(gone.error()));
      state_->expired.fetch_add(static_cast<std::uint64_t>(gone->changed()), std::memory_order_relaxed);
      if (gone->changed() < static_cast<std::int64_t>(batch)) break;
    }
  }
  co_return result<void>();
}

session_stats session_store::stats() const noexcept {
  const auto read = [](const std::atomic<std::uint64_t>& of) { return of.load(std::memory_order_relaxed); };
  return {.created = read(state_->created),
          .ended = read(state_->ended),
          .rotated = read(state_->rotated),
          .refused = read(state_->refused),
          .expired = read(state_->expired),
          .recorded = read(state_->recorded),
          .failures = read(state_->failures)};
}

}  // namespace strata
