#pragma once
/// The listing: what the public marketplace offers.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/fields.hpp"

#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct listing {
  std::string id;  ///< lst_…
  std::string name;
  std::string description;
  std::string publisher;
  std::string repository_url;
  json::raw packages{"[]"};  ///< a JSON array of objects, kept as the publisher wrote them
  std::int64_t install_count = 0;
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const listing&, const listing&) = default;
};
BOOST_DESCRIBE_STRUCT(listing, (),
                      (id, name, description, publisher, repository_url, packages, install_count, version,
                       created_at, updated_at))

inline constexpr std::size_t max_packages = 64u << 10;  ///< bytes of a listing's packages as JSON

/// The fields that an import may write. A missing one is left as it is.
struct listing_input {
  std::optional<std::string> name, description, publisher, repository_url;
  std::optional<json::raw> packages;
  void apply(listing& to) const;
};
listing_input read_listing(field_reader& in);

struct listing_entity : entity_base<cached_response<listing>, "listing:{id}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "listing";
  static constexpr std::chrono::minutes ttl{30};
  static constexpr auto secrecy = secrecy_level::open;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::shown;

  static constexpr std::string_view table = "listings";
  static constexpr std::string_view id_prefix = "lst_";
  static std::vector<migration> migrations();

  static constexpr std::string_view event = "listing";
  static change_rule dropped() { return {.lists = {"api:listings:list"}}; }

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();

  static constexpr std::string_view import_type = "listing";
  static import_result import_record(const boost::json::value& from, field_reader& in);
  static task<result<void>> add_demo(demo_writer& to);
};

/// A server of an MCP registry export, as a listing. Its `remotes` join its packages. Requires: an object.
import_result import_registry_server(const boost::json::value& from);

}  // namespace strata::platform
