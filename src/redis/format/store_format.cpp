#include "redis/format/store_format.hpp"

#include "redis/format/key_slot.hpp"

#include <charconv>

namespace strata::redis {

namespace {

constexpr std::string_view magic = "R1";
constexpr std::uint8_t expired_flag = 1;
constexpr std::uint8_t record_flag = 2;
constexpr std::string_view lease_prefix = "strata-lease:{";

void put_number(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

std::uint64_t take_number(std::string_view bytes) noexcept {
  std::uint64_t out = 0;
  for (const char each : bytes) out = out << 8 | static_cast<unsigned char>(each);
  return out;
}

template <class Number>
std::optional<Number> decimal(std::string_view text) noexcept {
  Number out{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::string encode_value(const value_header& header, std::string_view bytes) {
  std::string out;
  out.reserve(value_header::size + bytes.size());
  out += magic;
  out += static_cast<char>((header.expired ? expired_flag : 0) | (header.record ? record_flag : 0));
  out += '\0';
  put_number(out, header.epoch, 4);
  put_number(out, header.asof, 8);
  put_number(out, header.end, 8);
  out += bytes;
  return out;
}

std::string encode_end(server_time end) {
  std::string out;
  put_number(out, end, 8);
  return out;
}

std::optional<value_header> decode_header(std::string_view stored) noexcept {
  if (stored.size() < value_header::size || !stored.starts_with(magic)) return std::nullopt;
  const auto flags = static_cast<std::uint8_t>(stored[2]);
  if ((flags & ~(expired_flag | record_flag)) != 0) return std::nullopt;
  return value_header{.expired = (flags & expired_flag) != 0,
                      .record = (flags & record_flag) != 0,
                      .epoch = static_cast<std::uint32_t>(take_number(stored.substr(4, 4))),
                      .asof = take_number(stored.substr(8, 8)),
                      .end = take_number(stored.substr(16, 8))};
}

store_names::store_names(std::string_view name_space)
    : prefix(name_space.empty() ? "" : std::string(name_space) + ':'),
      lease_pattern("strata-lease:{*" + prefix + "*"),
      buckets("strata-limit:" + std::string(name_space) + ':'),
      clock("strata-clock:{" + std::string(name_space) + '}'),
      floors("strata-floors:{" + std::string(name_space) + '}'),
      channel("strata-news:" + std::string(name_space)) {
}

std::string lease_name(std::string_view key) {
  std::string out(lease_prefix);
  const auto tag = hash_tag(key);
  if (tag.find('}') != std::string_view::npos) {
    // The tag would end too early. Any tag of the same slot does: the key follows it.
    out.append(std::to_string(number_in_slot(slot_of(key)))).append("}").append(key);
  } else if (tag.size() != key.size()) {
    out.append(tag).append("}").append(key);
  } else {
    out.append(key).append("}");
  }
  return out;
}

std::optional<std::string_view> key_of_lease(std::string_view name) noexcept {
  if (!name.starts_with(lease_prefix)) return std::nullopt;
  name.remove_prefix(lease_prefix.size());
  const auto close = name.find('}');
  if (close == std::string_view::npos) return std::nullopt;
  return close + 1 == name.size() ? name.substr(0, close) : name.substr(close + 1);
}

bool is_beside(std::string_view key) noexcept {
  return key.starts_with("strata-lease:") || key.starts_with("strata-clock:") ||
         key.starts_with("strata-floors:") || key.starts_with("strata-limit:");
}

std::string floor_field(const floor_entry& floor) {
  return std::to_string(floor.bucket) + (floor.soft ? "s" : "");
}

std::optional<floor_entry> parse_floor(std::string_view field, std::string_view asof) noexcept {
  const bool soft = field.ends_with('s');
  if (soft) field.remove_suffix(1);
  const auto bucket = decimal<std::uint32_t>(field);
  const auto at = decimal<commit_time>(asof);
  if (!bucket || !at) return std::nullopt;
  return floor_entry{.bucket = *bucket, .asof = *at, .soft = soft};
}

namespace {

std::optional<news::changed> parse_changed(std::string_view rest) {
  news::changed keys;
  while (!rest.empty()) {
    if (rest.size() < 2) return std::nullopt;
    const auto length = static_cast<std::size_t>(take_number(rest.substr(0, 2)));
    if (rest.size() - 2 < length) return std::nullopt;
    keys.push_back(rest.substr(2, length));
    rest.remove_prefix(2 + length);
  }
  return keys;
}

std::optional<news::floors> parse_floors(std::string_view rest) {
  news::floors floors;
  while (!rest.empty()) {
    const auto one = rest.substr(0, rest.find(' '));
    const auto equals = one.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto floor = parse_floor(one.substr(0, equals), one.substr(equals + 1));
    if (!floor) return std::nullopt;
    floors.push_back(*floor);
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return floors;
}

}  // namespace

std::optional<news> parse_news(std::string_view message) {
  constexpr std::size_t origin_size = 16;
  if (message.size() <= origin_size) return std::nullopt;
  news out{.origin = message.substr(0, origin_size), .what = {}};
  const char kind = message[origin_size];
  const auto rest = message.substr(origin_size + 1);
  if (kind == 'c') {
    auto keys = parse_changed(rest);
    if (!keys) return std::nullopt;
    out.what = std::move(*keys);
  } else if (kind == 'f') {
    auto floors = parse_floors(rest);
    if (!floors) return std::nullopt;
    out.what = std::move(*floors);
  } else if (kind == 'l' || kind == 'e') {
    const auto epoch = decimal<std::uint32_t>(rest);
    if (!epoch) return std::nullopt;
    if (kind == 'l') {
      out.what = news::cleared{*epoch};
    } else {
      out.what = news::new_epoch{*epoch};
    }
  } else {
    return std::nullopt;
  }
  return out;
}

std::string hex16(std::uint64_t number) {
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[number >> shift & 15];
  return out;
}

}  // namespace strata::redis
