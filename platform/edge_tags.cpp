#include "platform/edge_tags.hpp"

#include <fmt/format.h>

namespace strata::platform {

namespace {

constexpr std::string_view listing_prefix = "listing:";
constexpr std::string_view listings_path = "/marketplace/listings";

/// `text` as one segment of a path.
std::string segment_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("._-~").contains(c);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::string listing_tag(std::string_view id) {
  return std::string(listing_prefix).append(id);
}

void add_public_tag(server::response& to, std::string_view tag, wall_time now) {
  // A response with its own Cache-Control, e.g. a stale one, is not the public one of its route.
  if (to.status != 200 || !to.cache_control.empty()) return;
  const auto text = edge_tag(tag);
  to.add("Cache-Tag", text);
  to.add("Surrogate-Key", text);
  to.add("Cache-Groups", '"' + text + '"');
  to.add(edge_asof_field, std::to_string(now.time_since_epoch().count()));
}

std::vector<edge_rule> edge_rules() {
  return {{.table = "listings", .tags = {"listing:{id}", std::string(listings_tag)}}};
}

std::string public_page_of(std::string_view site, edge_purge_kind kind, std::string_view value) {
  while (site.ends_with('/')) site.remove_suffix(1);
  switch (kind) {
    case edge_purge_kind::url:
      return value.starts_with(std::string(site) + '/') ? std::string(value) : std::string();
    case edge_purge_kind::tag:
      if (value.starts_with(listing_prefix)) {
        return fmt::format("{}{}/{}", site, listings_path, segment_of(value.substr(listing_prefix.size())));
      }
      return value == listings_tag ? fmt::format("{}{}", site, listings_path) : std::string();
    case edge_purge_kind::prefix:
      return {};
    case edge_purge_kind::everything:
      return fmt::format("{}{}", site, listings_path);
  }
  return {};
}

}  // namespace strata::platform
