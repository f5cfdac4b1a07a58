#pragma once
/// The bodies of partial responses (RFC 9110 §14 and §15.3.7).
/// Threads: pure functions.

#include "http/range.hpp"

#include <server/representation.hpp>

#include <span>
#include <string>
#include <string_view>

namespace strata::server {

/// What a 206 sends of one form of a representation.
struct partial_content {
  std::string fields;      ///< every field line about the content, without the empty line that ends a head
  std::string_view slice;  ///< the body, if it is one part: it lives as long as the representation
  std::string multipart;   ///< the body, if it is several
};

/// `dated`: with Last-Modified. Requires: `parts` is not empty and lies within `form`, which is of `whole`.
partial_content partial_content_of(const representation& whole, const representation::form& form,
                                   content_coding coding, std::span<const http::byte_range> parts,
                                   bool dated);

}  // namespace strata::server
