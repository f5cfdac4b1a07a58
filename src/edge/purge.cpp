#include <strata/edge.hpp>
#include <strata/key.hpp>

#include <fmt/format.h>

#include <array>

namespace strata {

namespace {

constexpr std::array<std::string_view, 4> kinds{"tag", "url", "prefix", "everything"};
constexpr std::size_t longest_tag = 255;

bool is_plain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("._:-~").contains(c);
}

}  // namespace

std::string_view name(edge_purge_kind kind) noexcept {
  return kinds.at(static_cast<std::size_t>(kind));
}

std::optional<edge_purge_kind> edge_purge_kind_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds.at(i) == name) return static_cast<edge_purge_kind>(i);
  }
  return std::nullopt;
}

std::string edge_tag(std::string_view tag) {
  std::string out;
  out.reserve(tag.size());
  for (const char c : tag) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (out.size() > longest_tag) return fmt::format("h:{:016x}", stable_hash_of(tag));
  return out;
}

std::string problem_of(const edge_purge& what) {
  if (what.kind == edge_purge_kind::everything) {
    return what.value.empty() ? "" : "a purge of everything has no value";
  }
  if (what.value.empty()) return fmt::format("a {} is empty", name(what.kind));
  if (what.value.size() > longest_edge_value) {
    return fmt::format("a {} is longer than {} bytes", name(what.kind), longest_edge_value);
  }
  if (what.kind == edge_purge_kind::tag) return {};
  for (const char c : what.value) {
    if (c <= ' ' || c >= '\x7f')
      return fmt::format("a {} holds a space or a byte outside ASCII", name(what.kind));
  }
  const std::string_view url = what.value;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme) && url.size() > scheme.size() && url[scheme.size()] != '/') return {};
  }
  return fmt::format("a {} must begin with https://HOST or http://HOST", name(what.kind));
}

std::string_view edge_response::field(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace strata
