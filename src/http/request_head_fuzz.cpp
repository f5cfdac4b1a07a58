/// Whatever comes in, what the parser lets through is well formed, and it says the same of a head
/// whether all of it came at once or it was looked at before its end had come.

#include "http/request_head.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace {

using strata::http::head_result;

void require(bool holds) {
  if (!holds) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_complete(const strata::http::request_head& head, std::string_view bytes) {
  namespace http = strata::http;
  require(http::is_token(head.method));
  require(inside(head.target, bytes));
  require(head.parts.path == "*" || head.parts.path.starts_with('/'));
  require(!(head.has(http::known::content_length) && head.has(http::known::transfer_encoding)));
  require(head.http_1_0 || head.has(http::known::host));
  for (std::size_t i = 0; i < head.field_count; ++i) {
    require(http::is_token(head.fields[i].name) && inside(head.fields[i].name, bytes));
    require(http::is_field_value(head.fields[i].value) && inside(head.fields[i].value, bytes));
    require(http::trim(head.fields[i].value) == head.fields[i].value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const strata::http::head_limits limits{.max_head = 512, .max_target = 128};
  const auto head = std::make_unique<strata::http::request_head>();
  const auto whole = parse_head(bytes, limits, *head);
  if (whole.state == head_result::parse_status::complete) {
    require(whole.length <= size && bytes.substr(0, whole.length).ends_with("\r\n\r\n"));
    check_complete(*head, bytes.substr(0, whole.length));
  } else if (whole.state == head_result::parse_status::refused) {
    require(whole.status >= 400 && whole.status < 600 && !whole.why.empty());
  }
  // A beginning is incomplete, or already what the whole turns out to be.
  for (std::size_t part = 0; part < size; part += 1 + size / 16) {
    const auto early = parse_head(bytes.substr(0, part), limits, *head);
    if (early.state == head_result::parse_status::complete) {
      require(whole.state == early.state && whole.length == early.length);
    } else if (early.state == head_result::parse_status::refused) {
      require(whole.state == early.state);
    }
  }
  return 0;
}
