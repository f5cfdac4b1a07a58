#pragma once
/// The cache's value for a row: the row and its HTTP representation, made once, so that a hit renders, hashes
/// and compresses nothing.
/// Threads: immutable values.

#include <server/representation.hpp>
#include <strata/json.hpp>
#include <strata/json_codec.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace strata::platform {

/// `"7-9f86d081884c7d65"`: the row's version and the hash of its body. The hash is needed because another
/// program may write to the tables without raising the version.
std::string etag_of(std::int64_t version, std::string_view body);

/// The body of a GET of this row. Overloaded, beside the row, for rows that are sent otherwise.
template <class T>
std::string body_of(const T& row) {
  return strata::json::text_of(row);
}

/// A JSON representation, shared by the cache and by every response that sends it. `updated_at` is its row's,
/// and becomes Last-Modified: it protects writes, but makes no 304, since another program may write to the
/// tables without setting it.
std::shared_ptr<const strata::server::representation> json_representation(std::string body,
                                                                          std::string_view etag,
                                                                          std::string_view updated_at = {});

/// The memory that one representation occupies, compressed forms included.
std::size_t memory_of(const strata::server::representation& of);

template <class T>
struct cached_response {
  using row_type = T;

  cached_response() = default;
  explicit cached_response(T from) : row(std::move(from)) {
    auto body = body_of(row);
    const auto etag = etag_of(row.version, body);
    representation = json_representation(std::move(body), etag, row.updated_at);
  }

  std::shared_ptr<const strata::server::representation>
      representation;  // first: a hit needs nothing behind it
  T row;
};

/// A page of a list: only its representation.
struct page {
  page() = default;
  explicit page(std::string body);
  std::shared_ptr<const strata::server::representation> representation;
};

}  // namespace strata::platform

/// Stored as the row's JSON.
template <class T>
struct strata::codec<strata::platform::cached_response<T>> {
  static result<void> encode(const platform::cached_response<T>& value, std::string& out) {
    return json::write(out, value.row);
  }
  static result<platform::cached_response<T>> decode(std::string_view bytes) {
    auto row = json::read_stored<T>(bytes);
    if (!row) return std::unexpected(std::move(row.error()));
    return platform::cached_response<T>(std::move(*row));
  }
  static std::size_t size(const platform::cached_response<T>& value) {
    return sizeof value + detail::heap_bytes(value.row) + platform::memory_of(*value.representation);
  }
};

/// Stored as the body.
template <>
struct strata::codec<strata::platform::page> {
  static void encode(const platform::page& value, std::string& out) { out += value.representation->body(); }
  static result<platform::page> decode(std::string_view bytes) { return platform::page(std::string(bytes)); }
  static std::size_t size(const platform::page& value) {
    return sizeof value + platform::memory_of(*value.representation);
  }
};
