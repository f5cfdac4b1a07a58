#include "core/mutex.hpp"
#include "core/option_problems.hpp"

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <fmt/format.h>
#include <sodium.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <new>
#include <optional>
#include <stdexcept>

namespace strata {

namespace {

void require_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium could not be initialised");
}

/// 32 bytes of secret on the stack, wiped at the end.
struct secret {
  std::array<std::byte, key_ring::key_size> bytes{};

  secret() = default;
  secret(const secret&) = default;
  secret& operator=(const secret&) = delete;
  ~secret() { sodium_memzero(bytes.data(), bytes.size()); }
  unsigned char* data() { return reinterpret_cast<unsigned char*>(bytes.data()); }
};

bool from_hex(secret& key, std::string_view text) {
  std::size_t size = 0;
  const char* end = nullptr;
  return sodium_hex2bin(key.data(), key.bytes.size(), text.data(), text.size(), nullptr, &size, &end) == 0 &&
         size == key.bytes.size() && end == text.data() + text.size();
}

bool from_base64(secret& key, std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  const bool url = text.find_first_of("-_") != std::string_view::npos;
  const int variant =
      url ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
  std::size_t size = 0;
  const char* end = nullptr;
  return sodium_base642bin(key.data(), key.bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                           variant) == 0 &&
         size == key.bytes.size() && end == text.data() + text.size();
}

}  // namespace

/// Keys are only ever appended: a reader needs no lock, only `count`.
struct key_ring::state {
  static constexpr std::size_t mac_key_size = crypto_shorthash_siphashx24_KEYBYTES;

  struct slot {
    std::uint32_t id = 0;
    unsigned char* key = nullptr;  ///< from sodium_malloc; the MAC's key follows it
  };

  detail::mutex adding;
  std::array<slot, max_keys> slots;
  std::atomic<std::size_t> count = 0;
  std::atomic<std::uint32_t> active = 0;

  state() { require_sodium(); }
  ~state() {
    for (std::size_t i = 0; i < count; ++i) sodium_free(slots[i].key);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  const slot* find(std::uint32_t id) const noexcept {
    const auto end = slots.begin() + static_cast<std::ptrdiff_t>(count.load(std::memory_order_acquire));
    const auto at = std::find_if(slots.begin(), end, [&](const slot& each) { return each.id == id; });
    return at == end ? nullptr : &*at;
  }

  /// Adds a key, or returns the problem.
  std::optional<std::string> add(std::uint32_t id, std::span<const std::byte, key_size> key) {
    detail::scoped_lock lock(adding);
    const auto at = count.load(std::memory_order_relaxed);
    if (id == 0) return "a key's id must not be 0";
    if (find(id) != nullptr) return fmt::format("key {} is there already", id);
    if (at == max_keys) return fmt::format("key {} is one too many: a ring holds {}", id, max_keys);
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
    if (sodium_is_zero(bytes, key.size()) == 1) return fmt::format("key {} is all zeros", id);
    auto* held = static_cast<unsigned char*>(sodium_malloc(key_size + mac_key_size));
    if (held == nullptr) throw std::bad_alloc();
    std::copy_n(bytes, key_size, held);
    // A key of its own for each purpose.
    static constexpr std::string_view purpose = "strata: authenticate";
    crypto_generichash(held + key_size, mac_key_size, reinterpret_cast<const unsigned char*>(purpose.data()),
                       purpose.size(), bytes, key.size());
    sodium_mprotect_readonly(held);
    slots[at] = {id, held};
    count.store(at + 1, std::memory_order_release);
    if (at == 0) active = id;
    return std::nullopt;
  }

  std::optional<std::string> add(std::uint32_t id, std::string_view text) {
    secret key;
    if (!from_hex(key, text) && !from_base64(key, text)) {
      return fmt::format("key {} must be 32 bytes as 64 hex digits or as base64", id);
    }
    return add(id, std::span<const std::byte, key_size>(key.bytes));
  }
};

key_ring::key_ring() : state_(std::make_unique<state>()) {
}

key_ring::key_ring(std::string_view text) : key_ring() {
  detail::option_problems problems;
  std::size_t place = 0;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,\t\r\n"), text.size()));
    if (text.empty()) break;
    const auto item = text.substr(0, text.find_first_of(" ,\t\r\n"));
    text.remove_prefix(item.size());
    ++place;
    const auto colon = item.find(':');
    std::uint32_t id = 0;
    const auto digits = item.substr(0, std::min(colon, item.size()));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (colon == std::string_view::npos || error != std::errc{} || end != digits.data() + digits.size()) {
      problems.add(fmt::format("item {} of the key ring must be 'id:key', with a number as id", place));
    } else if (auto problem = state_->add(id, item.substr(colon + 1))) {
      problems.add(std::move(*problem));
    }
  }
  if (place == 0) problems.add("the key ring's text holds no 'id:key'");
  problems.throw_if_any();
}

key_ring::~key_ring() = default;

void key_ring::add(std::uint32_t id, std::span<const std::byte, key_size> key) {
  if (auto problem = state_->add(id, key)) throw bad_options({std::move(*problem)});
}

void key_ring::add(std::uint32_t id, std::string_view text) {
  if (auto problem = state_->add(id, text)) throw bad_options({std::move(*problem)});
}

void key_ring::add_from(const key_ring& other, std::uint32_t id) {
  const auto* bytes = detail::key_bytes(other, id);
  if (bytes == nullptr) throw bad_options({fmt::format("key {} is not in the other ring", id)});
  add(id, std::span<const std::byte, key_size>(reinterpret_cast<const std::byte*>(bytes), key_size));
}

bool key_ring::has_same(const key_ring& other, std::uint32_t id) const noexcept {
  const auto* mine = detail::key_bytes(*this, id);
  const auto* theirs = detail::key_bytes(other, id);
  return mine != nullptr && theirs != nullptr && sodium_memcmp(mine, theirs, key_size) == 0;
}

void key_ring::activate(std::uint32_t id) {
  if (id == 0 || state_->find(id) == nullptr) {
    throw bad_options({fmt::format("key {} is not in the ring, so it cannot be the active one", id)});
  }
  state_->active = id;
}

std::uint32_t key_ring::active() const noexcept {
  return state_->active;
}

std::vector<std::uint32_t> key_ring::ids() const {
  std::vector<std::uint32_t> out;
  const std::size_t count = state_->count;
  for (std::size_t i = 0; i < count; ++i) out.push_back(state_->slots[i].id);
  return out;
}

std::string key_ring::generate() {
  require_sodium();
  secret key;
  randombytes_buf(key.bytes.data(), key.bytes.size());
  std::string text(sodium_base64_ENCODED_LEN(key_size, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), key.data(), key_size, sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // libsodium's terminating zero
  return text;
}

const unsigned char* detail::key_bytes(const key_ring& ring, std::uint32_t id) noexcept {
  const auto* found = id == 0 ? nullptr : ring.state_->find(id);
  return found == nullptr ? nullptr : found->key;
}

const unsigned char* detail::mac_key_bytes(const key_ring& ring, std::uint32_t id) noexcept {
  const auto* key = key_bytes(ring, id);
  return key == nullptr ? nullptr : key + key_ring::key_size;
}

}  // namespace strata
