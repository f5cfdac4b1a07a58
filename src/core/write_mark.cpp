#include <strata/write_mark.hpp>

#include <fmt/format.h>

#include <charconv>

namespace strata {

namespace {

constexpr std::size_t process_digits = 16;

template <class Number>
bool read_number(std::string_view text, Number& into, int base) noexcept {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return status == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_text(const write_mark& mark) {
  return fmt::format("{:016x}-{}-{}", mark.process, mark.shared ? 's' : 'p', mark.at);
}

std::optional<write_mark> write_mark_of(std::string_view text) noexcept {
  if (text.size() < process_digits + 4 || text.size() > 40) return std::nullopt;
  const auto kind = text.substr(process_digits, 3);
  write_mark out{.shared = kind == "-s-"};
  if (!out.shared && kind != "-p-") return std::nullopt;
  if (!read_number(text.substr(0, process_digits), out.process, 16)) return std::nullopt;
  if (!read_number(text.substr(process_digits + 3), out.at, 10)) return std::nullopt;
  if (out.at > last_commit_time) return std::nullopt;
  return out;
}

}  // namespace strata
