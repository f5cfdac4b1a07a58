/// The readers of fields take anything, and what they have read they can write and read again.
/// An input is a byte that chooses the reader, and a field's value.

#include "http/cache_control.hpp"
#include "http/compose.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/negotiate.hpp"
#include "http/syntax.hpp"
#include "http/target.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

namespace http = strata::http;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_date(std::string_view text) {
  const std::chrono::sys_seconds now(std::chrono::seconds(1'700'000'000));
  const auto read = http::parse_date(text, now);
  if (read) require(http::parse_date(http::format_date(*read), now) == read);
}

void check_cache_control(std::string_view text) {
  const auto read = http::parse_cache_control(text);
  require(http::parse_cache_control(http::to_text(read)) == read);
  if (!http::find_problem(text)) require(read != http::cache_control());
}

void check_tags(std::string_view text) {
  using answer = http::tag_match::answer;
  const auto one = http::parse_etag(text);
  const auto weak = http::match_weak(text, "\"v7\"");
  const auto strong = http::match_strong(text, "\"v7\"");
  require((weak.result == answer::malformed) == (strong.result == answer::malformed));
  if (strong.result == answer::yes) require(weak.result == answer::yes);  // strong is the stricter
  if (one) require(http::match_weak(text, text).result == answer::yes);
}

void check_percent(std::string_view text) {
  std::string out;
  if (!http::append_decoded(out, text, true)) return;
  require(http::is_utf8(out) && out.size() <= text.size());
  for (const char c : out) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void check_problem(std::string_view text) {
  std::string out;
  http::append_problem(out, 400, text, text);
  require(http::is_utf8(out));
  for (const char c : out) require(static_cast<unsigned char>(c) >= 0x20);
}

void check_negotiation(std::string_view text) {
  const auto chosen = http::negotiate_coding(text, true);
  const auto plain = http::negotiate_coding(text, false);
  if (plain) require(chosen.has_value());  // more to choose from never leaves less
  http::accepts(text, "application/json");
  if (const auto type = http::parse_media_type(text)) {
    require(http::is_token(type->type) && http::is_token(type->subtype));
    http::is_utf8_charset(*type);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      check_date(text);
      break;
    case 1:
      check_cache_control(text);
      break;
    case 2:
      check_tags(text);
      break;
    case 3:
      check_percent(text);
      break;
    case 4:
      check_problem(text);
      break;
    case 5:
      check_negotiation(text);
      break;
    default:
      if (const auto parts = http::split_target(text)) require(!parts->path.empty());
      http::is_host(text);
  }
  return 0;
}
