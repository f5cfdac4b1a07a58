#include "server/byte_ranges.hpp"

#include "server/response_writer.hpp"

#include <strata/key.hpp>

#include <fmt/format.h>

namespace strata::server {

namespace {

std::string content_range(const http::byte_range& part, std::size_t size) {
  return fmt::format("bytes {}-{}/{}", part.first, part.last, size);
}

std::string_view slice_of(std::string_view body, const http::byte_range& part) {
  return body.substr(static_cast<std::size_t>(part.first), static_cast<std::size_t>(part.size()));
}

/// A line that does not occur in `body`.
std::string boundary_for(std::string_view body) {
  auto hash = stable_hash_of(body);
  for (;; ++hash) {
    auto boundary = fmt::format("strata-{:016x}", hash);
    if (!body.contains(boundary)) return boundary;
  }
}

}  // namespace

partial_content partial_content_of(const representation& whole, const representation::form& form,
                                   content_coding coding, std::span<const http::byte_range> parts,
                                   bool dated) {
  const auto body = form.body();
  partial_content out;
  content_fields about{.content_type = whole.content_type(),
                       .length = parts.front().size(),
                       .coding = coding,
                       .etag = form.etag(),
                       .last_modified = dated ? whole.last_modified() : std::nullopt,
                       .varies = whole.encodable()};
  std::string multipart_type;
  if (parts.size() == 1) {
    out.slice = slice_of(body, parts.front());
    out.fields = "Content-Range: " + content_range(parts.front(), body.size()) + "\r\n";
  } else {
    const auto boundary = boundary_for(body);
    for (const auto& each : parts) {
      out.multipart += fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n", boundary,
                                   whole.content_type(), content_range(each, body.size()));
      out.multipart += slice_of(body, each);
    }
    out.multipart += "\r\n--" + boundary + "--\r\n";
    multipart_type = "multipart/byteranges; boundary=" + boundary;
    about.content_type = multipart_type;
    about.length = out.multipart.size();
  }
  append_content_fields(out.fields, about);
  return out;
}

}  // namespace strata::server
