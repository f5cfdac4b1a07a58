#include "core/entry_format.hpp"

namespace strata {

namespace {

constexpr std::size_t fixed_size = 28;
constexpr unsigned char negative_flag = 1;

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((number >> shift) & 0xff);
  }
}

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

void append_header(std::string& out, const entry_header& header) {
  out += "S1";
  out += static_cast<char>(header.negative ? negative_flag : 0);
  out += static_cast<char>(header.tags.size());
  append_big_endian(out, header.asof, 8);
  const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(header.life).count();
  append_big_endian(out, static_cast<std::uint64_t>(life), 8);
  const auto grace = std::chrono::duration_cast<std::chrono::milliseconds>(header.grace).count();
  append_big_endian(out, static_cast<std::uint64_t>(grace), 8);
  for (const auto& tag : header.tags) {
    append_big_endian(out, tag.size(), 2);
    out += tag;
  }
}

result<decoded_entry> decode_entry(std::string_view bytes) {
  if (bytes.size() < fixed_size || !bytes.starts_with("S1")) {
    return fail(errc::corrupt_entry, "stored bytes do not begin like an entry");
  }
  const auto flags = static_cast<unsigned char>(bytes[2]);
  if ((flags & ~negative_flag) != 0) {
    return fail(errc::corrupt_entry, "the entry has flags of a newer version");
  }
  decoded_entry entry;
  entry.header.negative = (flags & negative_flag) != 0;
  entry.header.asof = read_big_endian(bytes.substr(4, 8));
  const auto life = read_big_endian(bytes.substr(12, 8));
  constexpr auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::hours(24 * 366));
  if (life > static_cast<std::uint64_t>(longest.count())) {
    return fail(errc::corrupt_entry, "the entry's life is out of range");
  }
  const auto grace = read_big_endian(bytes.substr(20, 8));
  if (grace > static_cast<std::uint64_t>(longest.count())) {
    return fail(errc::corrupt_entry, "the entry's grace is out of range");
  }
  entry.header.life = std::chrono::milliseconds(life);
  entry.header.grace = std::chrono::milliseconds(grace);
  std::size_t at = fixed_size;
  for (int left = static_cast<unsigned char>(bytes[3]); left > 0; --left) {
    if (bytes.size() - at < 2) return fail(errc::corrupt_entry, "the entry ends inside its tags");
    const auto size = read_big_endian(bytes.substr(at, 2));
    at += 2;
    if (bytes.size() - at < size) return fail(errc::corrupt_entry, "the entry ends inside a tag");
    entry.header.tags.emplace_back(bytes.substr(at, size));
    at += size;
  }
  entry.payload = bytes.substr(at);
  if (entry.header.negative && !entry.payload.empty()) {
    return fail(errc::corrupt_entry, "a negative entry has a payload");
  }
  return entry;
}

}  // namespace strata
