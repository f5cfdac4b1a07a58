#include "http/etag.hpp"

#include "http/syntax.hpp"

namespace strata::http {

namespace {

/// etagc: visible characters but the quote, and obs-text.
bool is_etag_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/// The length of the tag at the start of `text`; 0 if there is none.
std::size_t tag_length(std::string_view text) {
  std::size_t i = text.starts_with("W/") ? 2 : 0;
  if (i >= text.size() || text[i] != '"') return 0;
  for (++i; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (!is_etag_char(text[i])) return 0;
  }
  return 0;
}

entity_tag make_tag(std::string_view text) {
  const bool weak = text.starts_with("W/");
  return {text.substr(weak ? 2 : 0), weak};
}

tag_match match(std::string_view list, std::string_view current, bool strong) noexcept {
  using answer = tag_match::answer;
  const auto version = make_tag(current);
  const auto matches = [&](entity_tag tag) {
    return !current.empty() && (!strong || (!tag.weak && !version.weak)) && names_form_of(tag, version);
  };
  list = trim(list);
  if (list == "*") return {current.empty() ? answer::no : answer::yes, list};
  tag_match found;
  bool any = false;
  bool separated = true;
  while (!list.empty()) {
    if (list.front() == ' ' || list.front() == '\t') {
      list.remove_prefix(1);
    } else if (list.front() == ',') {
      separated = true;
      list.remove_prefix(1);
    } else {
      const auto length = separated ? tag_length(list) : 0;
      if (length == 0) return {answer::malformed, {}};
      const auto text = list.substr(0, length);
      if (found.result == answer::no && matches(make_tag(text))) found = {answer::yes, text};
      any = true;
      separated = false;
      list.remove_prefix(length);
    }
  }
  if (!any) return {answer::malformed, {}};
  return found;
}

}  // namespace

std::optional<entity_tag> parse_etag(std::string_view text) noexcept {
  if (text.empty() || tag_length(text) != text.size()) return {};
  return make_tag(text);
}

bool strong_equal(entity_tag a, entity_tag b) noexcept {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
bool weak_equal(entity_tag a, entity_tag b) noexcept {
  return a.opaque == b.opaque;
}

bool names_form_of(entity_tag tag, entity_tag version) noexcept {
  if (tag.opaque == version.opaque) return true;
  const auto body = version.opaque.substr(0, version.opaque.size() - 1);  // without the last quote
  if (version.opaque.empty() || !tag.opaque.starts_with(body)) return false;
  const auto rest = tag.opaque.substr(body.size());
  return rest.size() == gzip_suffix.size() + 1 && rest.back() == '"' &&
         (rest.starts_with(gzip_suffix) || rest.starts_with(zstd_suffix));
}

tag_match match_weak(std::string_view list, std::string_view current) noexcept {
  return match(list, current, false);
}
tag_match match_strong(std::string_view list, std::string_view current) noexcept {
  return match(list, current, true);
}

}  // namespace strata::http
