#pragma once
/// gzip and zstd for bodies held in memory.
/// Threads: any; each thread keeps its own compressor.

#include <server/representation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::server {

/// `some` suits what is encoded while a client waits, `most` what is encoded when the program starts.
enum class effort : std::uint8_t { some, most };

/// `text` in `coding`; nothing if that is not smaller. Requires: coding is not identity.
/// Throws std::bad_alloc.
std::optional<std::string> encode(std::string_view text, content_coding coding, effort spent = effort::some);

}  // namespace strata::server
