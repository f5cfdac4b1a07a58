#include <strata/consistency_token.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace strata {

namespace {

constexpr std::size_t process_digits = 16;

template <class Number>
bool read_number(std::string_view text, Number& into, int base) noexcept {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return status == std::errc() && end == text.data() + text.size();
}

/// A step of splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t mixed(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

consistency_token joined(const consistency_token& a, const consistency_token& b) noexcept {
  if (a.process == b.process && a.shared == b.shared && a.process != 0) return a.at < b.at ? b : a;
  if (a.shared && b.shared) return {.process = 0, .shared = true, .at = std::max(a.at, b.at)};
  // The clocks cannot be compared. A cache that sees an unknown token takes everything it has read before
  // as too old, so any token does that no cache has seen.
  const auto unseen = mixed(mixed(mixed(mixed(a.process) ^ a.at) ^ b.process) ^ b.at);
  return {.process = 0, .shared = false, .at = unseen % last_commit_time};
}

std::string to_text(const consistency_token& token) {
  return fmt::format("{:016x}-{}-{}", token.process, token.shared ? 's' : 'p', token.at);
}

std::optional<consistency_token> consistency_token_of(std::string_view text) noexcept {
  if (text.size() < process_digits + 4 || text.size() > 40) return std::nullopt;
  const auto kind = text.substr(process_digits, 3);
  consistency_token out{.shared = kind == "-s-"};
  if (!out.shared && kind != "-p-") return std::nullopt;
  if (!read_number(text.substr(0, process_digits), out.process, 16)) return std::nullopt;
  if (!read_number(text.substr(process_digits + 3), out.at, 10)) return std::nullopt;
  if (out.at > last_commit_time) return std::nullopt;
  return out;
}

}  // namespace strata
