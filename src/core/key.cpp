#include <strata/key.hpp>

#include <xxhash.h>
#include <charconv>

namespace strata {

key::key(std::string text) : text_(std::move(text)), hash_(hash_of(text_)) {
}

std::string_view key::entity() const noexcept {
  return std::string_view(text_).substr(0, text_.find(':'));
}

std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

void append_escaped(std::string& out, std::string_view argument) {
  static constexpr char hex[] = "0123456789ABCDEF";
  if (argument.empty()) {
    out += '%';
    return;
  }
  for (const char c : argument) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || std::string_view("%:*?[]{}\\").contains(c)) {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
}

namespace detail {

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
