#include "platform/cached_response.hpp"

#include <strata/key.hpp>
#include <strata/rfc3339.hpp>

#include <fmt/format.h>

namespace strata::platform {

std::string etag_of(std::int64_t version, std::string_view body) {
  return fmt::format("\"{}-{:016x}\"", version, strata::stable_hash_of(body));
}

std::shared_ptr<const strata::server::representation> json_representation(std::string body,
                                                                          std::string_view etag,
                                                                          std::string_view updated_at) {
  constexpr strata::server::static_text type("application/json");
  return std::make_shared<const strata::server::representation>(
      body, type, etag, strata::parse_rfc3339(updated_at), strata::server::date_use::writes);
}

std::size_t memory_of(const strata::server::representation& of) {
  // Compressed forms are made after the cache has counted: count both now, at half the size each.
  return sizeof of + (of.encodable() ? 2 : 1) * of.bytes();
}

page::page(std::string body) {
  const auto etag = fmt::format("\"{:016x}\"", strata::stable_hash_of(body));
  representation = json_representation(std::move(body), etag);
}

}  // namespace strata::platform
