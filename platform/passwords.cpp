#include "platform/passwords.hpp"

#include "platform/ids.hpp"

#include <sodium.h>

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

password_hasher::password_hasher(password_settings settings) : settings_(settings) {
  std::vector<std::string> problems;
  if (sodium_init() < 0) problems.emplace_back("libsodium cannot be initialised");
  if (settings.threads == 0 || settings.threads > 64)
    problems.emplace_back("password_threads must be 1 to 64");
  if (settings.queue == 0) problems.emplace_back("password_queue must be at least 1");
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
  std::deque<job> dropped;
  {
    const strata::detail::scoped_lock lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (auto& each : dropped) each.done->set();
  for (auto& each : threads_) each.join();
}

bool password_hasher::enqueue(job what) {
  {
    const strata::detail::scoped_lock lock(mutex_);
    if (stopping_ || queue_.size() >= settings_.queue) return false;
    queue_.push_back(std::move(what));
  }
  wake_.notify_one();
  return true;
}

void password_hasher::run() {
  for (;;) {
    strata::detail::scoped_lock lock(mutex_);
    while (!stopping_ && queue_.empty()) lock.wait(wake_);
    if (stopping_) return;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    next.work();
    next.done->set();
  }
}

std::string password_hasher::make_hash(const std::string& password) const {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), settings_.operations,
                            settings_.memory.count, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};  // out of memory
  }
  return out;
}

strata::task<strata::result<std::string>> password_hasher::hash(std::string password) {
  auto found = std::make_shared<outcome<std::string>>();
  found->password = std::move(password);
  auto done = std::make_shared<strata::async_latch>();
  if (!enqueue({[this, found] {
                  if (auto made = make_hash(found->password); !made.empty()) found->value = std::move(made);
                },
                done})) {
    co_return too_busy();
  }
  co_await done->wait();
  if (!found->value) co_return too_busy();
  co_return std::move(*found->value);
}

strata::task<strata::result<bool>> password_hasher::verify(std::optional<std::string> known,
                                                           std::string password) {
  auto found = std::make_shared<outcome<bool>>();
  found->password = std::move(password);
  auto done = std::make_shared<strata::async_latch>();
  if (!enqueue({[this, found, known = std::move(known)] {
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
