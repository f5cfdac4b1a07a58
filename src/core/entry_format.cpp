#include "core/entry_format.hpp"

#include <cstring>

namespace strata {

namespace {

constexpr std::size_t fixed_size = 28;
constexpr unsigned char negative_flag = 1;
constexpr unsigned char zstd_flag = 2;
constexpr unsigned char encrypted_flag = 4;
constexpr unsigned char authenticated_flag = 8;

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((number >> shift) & 0xff);
  }
}

void append_milliseconds(std::string& out, duration span) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
  append_big_endian(out, static_cast<std::uint64_t>(count), 8);
}

/// Reads an entry from its front.
class reader {
 public:
  explicit reader(std::string_view bytes) : left_(bytes) {}

  bool has(std::size_t size) const { return left_.size() >= size; }
  std::string_view take(std::size_t size) {
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

/// Spans up to this fit a `duration` with room to add others to them.
constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 366);

result<duration> span_of(std::uint64_t milliseconds) {
  if (milliseconds > static_cast<std::uint64_t>(longest.count())) {
    return fail(errc::corrupt_entry, "the entry's life or grace is out of range");
  }
  return std::chrono::milliseconds(milliseconds);
}

result<void> check(const entry_header& header, const entry_wrapping& wrapping) {
  for (const auto span : {header.life, header.grace}) {
    if (span < duration::zero() || span > longest) {
      return fail(errc::invalid_argument, "an entry's life and grace are 0 to 366 days");
    }
  }
  if (wrapping.zstd && wrapping.key_id != 0 && !wrapping.authenticated) {
    return fail(errc::invalid_argument, "an entry is either compressed or encrypted");
  }
  if (wrapping.authenticated && wrapping.key_id == 0) {
    return fail(errc::invalid_argument, "an entry is authenticated with a key");
  }
  return check_tags(header.tags);
}

}  // namespace

result<void> check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > max_entry_tags) {
    return fail(errc::invalid_argument, "a value has at most " + std::to_string(max_entry_tags) +
                                            " tags, not " + std::to_string(tags.size()));
  }
  for (const auto& tag : tags) {
    if (tag.empty()) return fail(errc::invalid_argument, "a tag is empty");
    if (tag.size() <= max_tag_length) continue;
    return fail(errc::invalid_argument, "a tag has at most " + std::to_string(max_tag_length) +
                                            " bytes, not " + std::to_string(tag.size()));
  }
  return {};
}

result<void> append_header(std::string& out, const entry_header& header, const entry_wrapping& wrapping) {
  if (auto possible = check(header, wrapping); !possible) return possible;
  out += "S1";
  out += static_cast<char>((header.negative ? negative_flag : 0) | (wrapping.zstd ? zstd_flag : 0) |
                           (wrapping.authenticated ? authenticated_flag
                            : wrapping.key_id != 0 ? encrypted_flag
                                                   : 0));
  out += static_cast<char>(header.tags.size());
  append_big_endian(out, header.asof, 8);
  append_milliseconds(out, header.life);
  append_milliseconds(out, header.grace);
  for (const auto& tag : header.tags) {
    append_big_endian(out, tag.size(), 2);
    out += tag;
  }
  if (wrapping.key_id != 0) {
    append_big_endian(out, wrapping.key_id, 4);
    if (wrapping.authenticated) return {};
    for (const auto byte : wrapping.nonce) out += static_cast<char>(byte);
  }
  return {};
}

result<parsed_entry> parse_entry(std::string_view bytes) {
  if (bytes.size() < fixed_size || !bytes.starts_with("S1")) {
    return fail(errc::corrupt_entry, "stored bytes do not begin like an entry");
  }
  reader in(bytes.substr(2));
  const auto flags = in.number(1);
  const bool encrypted = (flags & encrypted_flag) != 0;
  const bool authenticated = (flags & authenticated_flag) != 0;
  if ((flags & ~std::uint64_t{negative_flag | zstd_flag | encrypted_flag | authenticated_flag}) != 0 ||
      (encrypted && (flags & (zstd_flag | authenticated_flag)) != 0)) {
    return fail(errc::corrupt_entry, "the entry has flags of a newer version");
  }
  const auto tags = in.number(1);
  parsed_entry entry;
  entry.header.negative = (flags & negative_flag) != 0;
  entry.wrapping.zstd = (flags & zstd_flag) != 0;
  entry.header.asof = in.number(8);
  const auto life = span_of(in.number(8));
  const auto grace = span_of(in.number(8));
  if (!life || !grace) return std::unexpected(life ? grace.error() : life.error());
  entry.header.life = *life;
  entry.header.grace = *grace;
  entry.header.tags.reserve(tags);
  for (std::uint64_t i = 0; i < tags; ++i) {
    if (!in.has(2)) return fail(errc::corrupt_entry, "the entry ends inside its tags");
    const auto size = in.number(2);
    if (size == 0 || size > max_tag_length) {
      return fail(errc::corrupt_entry, "the entry has a tag of " + std::to_string(size) + " bytes");
    }
    if (!in.has(size)) return fail(errc::corrupt_entry, "the entry ends inside a tag");
    entry.header.tags.emplace_back(in.take(size));
  }
  if (encrypted || authenticated) {
    if (!in.has(4)) return fail(errc::corrupt_entry, "the entry ends inside the id of its key");
    entry.wrapping.authenticated = authenticated;
    entry.wrapping.key_id = static_cast<std::uint32_t>(in.number(4));
    if (entry.wrapping.key_id == 0) return fail(errc::corrupt_entry, "the entry is encrypted with no key");
  }
  if (encrypted) {
    auto& nonce = entry.wrapping.nonce;
    if (!in.has(nonce.size())) return fail(errc::corrupt_entry, "the entry ends inside its nonce");
    std::memcpy(nonce.data(), in.take(nonce.size()).data(), nonce.size());
  }
  entry.body = in.rest();
  return entry;
}

}  // namespace strata
