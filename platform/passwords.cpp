#include "platform/passwords.hpp"

#include "platform/ids.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace strata::platform {

namespace {

// A job's result, shared with the waiting caller. Empty: it never ran.
template <class T>
struct outcome {
  std::string password;
  std::optional<T> value;
  ~outcome() { sodium_memzero(password.data(), password.size()); }
};

std::unexpected<strata::error> too_busy() {
  return strata::fail(strata::errc::busy, "too many passwords are being checked; try again shortly");
}

}  // namespace

std::string password_problem(std::string_view password) {
  if (password.size() >= min_password_length && password.size() <= max_password_length) return {};
  return fmt::format("a password must have {} to {} bytes", min_password_length, max_password_length);
}

password_hasher::password_hasher(password_settings settings) : settings_(settings) {
  std::vector<std::string> problems;
  if (sodium_init() < 0) problems.emplace_back("libsodium cannot be initialised");
  if (settings.threads == 0 || settings.threads > 64)
    problems.emplace_back("password_threads must be 1 to 64");
  if (settings.queue == 0 || settings.queue_each == 0) {
    problems.emplace_back("password_queue must be at least 1");
  }
  if (settings.operations < crypto_pwhash_OPSLIMIT_MIN || settings.operations > 64) {
    problems.emplace_back("password_operations must be 1 to 64");
  }
  if (settings.memory < strata::byte_size{crypto_pwhash_MEMLIMIT_MIN} ||
      settings.memory > strata::byte_size{4ull << 30}) {
    problems.emplace_back("password_memory must be 8 KiB to 4 GiB");
  }
  if (!problems.empty()) throw strata::bad_options(std::move(problems));
  for (unsigned i = 0; i < settings.threads; ++i) threads_.emplace_back([this] { run(); });
}

password_hasher::~password_hasher() {
  std::unordered_map<std::string, jobs> dropped;
  {
    const strata::detail::scoped_lock lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
    turns_.clear();
    count_ = 0;
  }
  wake_.notify_all();
  for (auto& [requester, all] : dropped) {
    for (auto& each : all) each.done->set();
  }
  for (auto& each : threads_) each.join();
}

// The requester with the most jobs loses its last one, if it has more than the new one's requester would
// have.
bool password_hasher::make_room(std::size_t own, std::vector<job>& dropped) {
  const auto most =
      std::ranges::max_element(waiting_, {}, [](const auto& each) { return each.second.size(); });
  if (most == waiting_.end() || most->second.size() <= own + 1) return false;
  dropped.push_back(std::move(most->second.back()));
  most->second.pop_back();
  --count_;
  return true;
}

bool password_hasher::enqueue(std::string requester, job what) {
  std::vector<job> dropped;
  {
    const strata::detail::scoped_lock lock(mutex_);
    if (stopping_) return false;
    const auto found = waiting_.find(requester);
    const auto own = found == waiting_.end() ? 0 : found->second.size();
    if (own >= settings_.queue_each) return false;
    if (count_ >= settings_.queue && !make_room(own, dropped)) return false;
    if (own == 0) turns_.push_back(requester);
    waiting_[std::move(requester)].push_back(std::move(what));
    ++count_;
  }
  wake_.notify_one();
  for (auto& each : dropped) each.done->set();
  return true;
}

void password_hasher::run() {
  for (;;) {
    strata::detail::scoped_lock lock(mutex_);
    while (!stopping_ && turns_.empty()) lock.wait(wake_);
    if (stopping_) return;
    auto requester = std::move(turns_.front());
    turns_.pop_front();
    const auto of = waiting_.find(requester);
    auto next = std::move(of->second.front());
    of->second.pop_front();
    --count_;
    if (of->second.empty()) {
      waiting_.erase(of);
    } else {
      turns_.push_back(std::move(requester));
    }
    lock.unlock();
    next.work();
    next.done->set();
  }
}

bool password_hasher::is_outdated(const std::string& hash) const noexcept {
  return crypto_pwhash_str_needs_rehash(hash.c_str(), settings_.operations, settings_.memory.count) != 0;
}

std::string password_hasher::make_hash(const std::string& password) const {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), settings_.operations,
                            settings_.memory.count, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};  // out of memory
  }
  return out;
}

strata::task<strata::result<std::string>> password_hasher::hash(std::string password, std::string requester) {
  auto found = std::make_shared<outcome<std::string>>();
  found->password = std::move(password);
  auto done = std::make_shared<strata::async_latch>();
  if (!enqueue(std::move(requester), {[this, found] {
                                        if (auto made = make_hash(found->password); !made.empty())
                                          found->value = std::move(made);
                                      },
                                      done})) {
    co_return too_busy();
  }
  co_await done->wait();
  if (!found->value) co_return too_busy();
  co_return std::move(*found->value);
}

strata::task<strata::result<bool>> password_hasher::verify(std::optional<std::string> known,
                                                           std::string password, std::string requester) {
  auto found = std::make_shared<outcome<bool>>();
  found->password = std::move(password);
  auto done = std::make_shared<strata::async_latch>();
  if (!enqueue(std::move(requester),
               {[this, found, known = std::move(known)] {
                  std::call_once(decoy_made_, [this] { decoy_hash_ = make_hash(random_text(32)); });
                  const bool same =
                      crypto_pwhash_str_verify((known ? *known : decoy_hash_).c_str(), found->password.data(),
                                               found->password.size()) == 0;
                  found->value = known && same;
                },
                done})) {
    co_return too_busy();
  }
  co_await done->wait();
  if (!found->value) co_return too_busy();
  co_return *found->value;
}

}  // namespace strata::platform
