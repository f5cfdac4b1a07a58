#include "platform/sessions.hpp"

#include "core/mutex.hpp"
#include "platform/ids.hpp"

#include <strata/key.hpp>

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace strata::platform {

namespace {

constexpr std::string_view token_prefix = "sess_";
constexpr std::size_t token_length = token_prefix.size() + 43;  // 256 bits in base 64

bool is_token(std::string_view text) {
  return text.size() == token_length && text.starts_with(token_prefix);
}

}  // namespace

struct session_table::shard {
  mutable strata::detail::mutex mutex;
  entries recent STRATA_GUARDED_BY(mutex);
  std::unordered_map<digest, entries::iterator, digest_hash> by_id STRATA_GUARDED_BY(mutex);

  /// Also ends the session for requests that hold it.
  void erase(entries::iterator at) STRATA_REQUIRES(mutex) {
    session_table::close(*at->held);
    by_id.erase(at->id);
    recent.erase(at);
  }
};

// Which sessions a user has. May be locked inside a shard, never the other way round.
struct session_table::index {
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return strata::hash_of(text); }
  };
  strata::detail::mutex mutex;
  std::unordered_map<std::string, std::vector<digest>, text_hash, std::equal_to<>> by_user
      STRATA_GUARDED_BY(mutex);
};

std::size_t session_table::digest_hash::operator()(const digest& of) const noexcept {
  std::size_t out = 0;  // a keyed hash's bytes are as good as any
  std::memcpy(&out, of.data(), sizeof out);
  return out;
}

session_table::session_table(session_settings settings, const strata::clock& time)
    : settings_(settings),
      time_(&time),
      hash_key_{},
      shards_(std::make_unique<shard[]>(shards)),
      index_(std::make_unique<index>()) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
  randombytes_buf(hash_key_.data(), hash_key_.size());
}

session_table::~session_table() {
  sodium_memzero(hash_key_.data(), hash_key_.size());
}

session_table::digest session_table::digest_of(std::string_view token) const {
  // The key before the message, rather than as BLAKE2's own key, which would cost a block of its
  // own: all tokens have one length, and BLAKE2 is not open to length extension.
  std::array<unsigned char, 32 + token_length> keyed;
  std::ranges::copy(hash_key_, keyed.begin());
  std::ranges::copy(token, keyed.begin() + 32);
  digest out;
  crypto_generichash(out.data(), out.size(), keyed.data(), keyed.size(), nullptr, 0);
  return out;
}

session_table::shard& session_table::shard_of(const digest& id) const {
  return shards_[id.back() % shards];
}

bool session_table::ended(const session& of, strata::time_point now) const {
  return now - of.used_.load(std::memory_order_relaxed) >= settings_.idle ||
         now - of.started >= settings_.lifetime;
}

void session_table::close(const session& of) noexcept {
  of.over_.store(true, std::memory_order_release);
}

bool session_table::holds(const session& of) const noexcept {
  if (of.over_.load(std::memory_order_acquire)) return false;
  const auto now = time_->coarse_now();
  const auto moment = std::min<strata::duration>(std::chrono::seconds(1), settings_.idle / 64);
  return now - of.used_.load(std::memory_order_relaxed) < moment && now - of.started < settings_.lifetime;
}

session_table::begun session_table::begin(std::string user_id) {
  auto token = std::string(token_prefix) + random_text(32);
  const auto id = digest_of(token);
  const auto now = time_->now();
  auto made = std::make_shared<const session>(std::move(user_id), now, time_->wall());
  std::vector<entry> evicted;
  {
    auto& in = shard_of(id);
    const strata::detail::scoped_lock lock(in.mutex);
    {
      const strata::detail::scoped_lock index_lock(index_->mutex);
      index_->by_user[made->user_id].push_back(id);
    }
    in.recent.push_front({id, made});
    in.by_id.emplace(id, in.recent.begin());
    const auto most = std::max<std::size_t>(1, settings_.limit / shards);
    while (in.recent.size() > most) {
      evicted.push_back(in.recent.back());
      in.erase(std::prev(in.recent.end()));
    }
  }
  for (const auto& each : evicted) forget(each.id, each.held->user_id);
  return {std::move(token), std::move(made)};
}

std::shared_ptr<const session> session_table::use(std::string_view token) {
  if (!is_token(token)) return nullptr;
  const auto id = digest_of(token);
  const auto now = time_->coarse_now();
  auto& in = shard_of(id);
  std::shared_ptr<const session> gone;
  {
    const strata::detail::scoped_lock lock(in.mutex);
    const auto found = in.by_id.find(id);
    if (found == in.by_id.end()) return nullptr;
    const auto at = found->second;
    if (!ended(*at->held, now)) {
      auto& used = at->held->used_;
      used.store(std::max(used.load(std::memory_order_relaxed), now), std::memory_order_relaxed);
      in.recent.splice(in.recent.begin(), in.recent, at);
      return at->held;
    }
    gone = at->held;
    in.erase(at);
  }
  forget(id, gone->user_id);
  return nullptr;
}

strata::wall_time session_table::expires_at(const session& of) const {
  const auto left = std::min(settings_.idle, of.started + settings_.lifetime - time_->now());
  return time_->wall() + std::chrono::floor<std::chrono::milliseconds>(left);
}

bool session_table::end(std::string_view token) {
  if (!is_token(token)) return false;
  const auto id = digest_of(token);
  auto& in = shard_of(id);
  std::shared_ptr<const session> gone;
  {
    const strata::detail::scoped_lock lock(in.mutex);
    const auto found = in.by_id.find(id);
    if (found == in.by_id.end()) return false;
    gone = found->second->held;
    in.erase(found->second);
  }
  forget(id, gone->user_id);
  return true;
}

std::size_t session_table::end_all(std::string_view user_id) {
  std::vector<digest> ids;
  {
    const strata::detail::scoped_lock lock(index_->mutex);
    const auto found = index_->by_user.find(user_id);
    if (found == index_->by_user.end()) return 0;
    ids = std::move(found->second);
    index_->by_user.erase(found);
  }
  const auto now = time_->now();
  std::size_t count = 0;
  for (const auto& id : ids) {
    auto& in = shard_of(id);
    const strata::detail::scoped_lock lock(in.mutex);
    const auto found = in.by_id.find(id);
    if (found == in.by_id.end()) continue;
    if (!ended(*found->second->held, now)) ++count;
    in.erase(found->second);
  }
  return count;
}

void session_table::sweep() {
  const auto now = time_->now();
  for (std::size_t i = 0; i < shards; ++i) {
    std::vector<entry> gone;
    {
      auto& in = shards_[i];
      const strata::detail::scoped_lock lock(in.mutex);
      for (auto at = in.recent.begin(); at != in.recent.end();) {
        const auto next = std::next(at);
        if (ended(*at->held, now)) {
          gone.push_back(*at);
          in.erase(at);
        }
        at = next;
      }
    }
    for (const auto& each : gone) forget(each.id, each.held->user_id);
  }
}

std::size_t session_table::size() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < shards; ++i) {
    const strata::detail::scoped_lock lock(shards_[i].mutex);
    sum += shards_[i].recent.size();
  }
  return sum;
}

void session_table::forget(const digest& id, std::string_view user_id) {
  const strata::detail::scoped_lock lock(index_->mutex);
  const auto found = index_->by_user.find(user_id);
  if (found == index_->by_user.end()) return;
  std::erase(found->second, id);
  if (found->second.empty()) index_->by_user.erase(found);
}

}  // namespace strata::platform
