#pragma once
/// The field lines about a body and its validators.
/// Threads: pure functions.

#include <server/representation.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::server {

void append_field(std::string& out, std::string_view name, std::string_view value);

/// True for at least 1 KiB of a compressible type.
bool is_encodable(std::size_t size, std::string_view content_type) noexcept;

/// `etag` as the tag of its form in `coding`: `"v7"` → `"v7-gz"`.
std::string coded_etag(std::string_view etag, content_coding coding);

struct content_fields {
  std::string_view content_type;
  std::uint64_t length = 0;
  content_coding coding = content_coding::identity;
  std::string_view etag;
  std::optional<wall_time> last_modified;
  bool varies = false;
};
/// Appends the field lines of a full response, and those that a 304 repeats.
void append_content_fields(std::string& out, const content_fields& of);
void append_validator_fields(std::string& out, const content_fields& of);
void append_last_modified(std::string& out, std::optional<wall_time> at);

}  // namespace strata::server
