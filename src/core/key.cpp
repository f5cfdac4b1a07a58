#include "core/text_hash.hpp"

#include <strata/key.hpp>

#define XXH_INLINE_ALL  // a call into the shared library would cost as much as the hash of a short key
#include <xxhash.h>
#include <array>
#include <charconv>
#include <random>

namespace strata {

key::key(std::string text) : text_(std::move(text)), hash_(hash_of(text_)) {
}

std::string_view key::entity() const noexcept {
  return std::string_view(text_).substr(0, text_.find(':'));
}

namespace {

struct hash_secret {
  hash_secret() {
    std::random_device source;  // the kernel's
    for (auto& each : words) each = std::uint64_t{source()} << 32 | source();
  }
  alignas(64) std::array<std::uint64_t, 24> words;
};

/// Drawn before any other object of the program is made, since such an object may hold a key.
[[gnu::init_priority(101)]] hash_secret secret;

}  // namespace

std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits_withSecret(text.data(), text.size(), secret.words.data(), sizeof secret.words);
}

std::uint64_t stable_hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

namespace {

constexpr auto needs_escape = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c <= 0x20; ++c) table[c] = true;
  for (const unsigned char c : {'%', ':', '*', '?', '[', ']', '{', '}', '\\', '\x7f'}) table[c] = true;
  return table;
}();

}  // namespace

void append_escaped(std::string& out, std::string_view argument) {
  static constexpr char hex[] = "0123456789ABCDEF";
  if (argument.empty()) {
    out += '%';
    return;
  }
  std::size_t copied = 0;
  for (std::size_t i = 0; i < argument.size(); ++i) {
    const auto byte = static_cast<unsigned char>(argument[i]);
    if (!needs_escape[byte]) continue;
    out.append(argument, copied, i - copied);
    copied = i + 1;
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  out.append(argument, copied);
}

namespace detail {

void fix_hash_secret(std::uint64_t seed) noexcept {
  std::mt19937_64 random(seed);
  for (auto& each : secret.words) each = random();
}

namespace {

template <class N>
void append_any_number(std::string& out, N number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

}  // namespace

void append_number(std::string& out, long long number) {
  append_any_number(out, number);
}
void append_number(std::string& out, unsigned long long number) {
  append_any_number(out, number);
}

}  // namespace detail

}  // namespace strata
