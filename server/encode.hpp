#pragma once
/// gzip and zstd for bodies held in memory.
/// Threads: any; each thread keeps its own compressor.

#include <server/representation.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace strata::server {

/// `text` in `coding`; nothing if that is not smaller. Requires: coding is not identity.
/// Throws std::bad_alloc.
std::optional<std::string> encode(std::string_view text, content_coding coding);

}  // namespace strata::server
