#pragma once
/// zstd for values: compressed only if it pays, and never decompressed beyond a limit.
/// Threads: pure functions; each thread has a context of its own.

#include <strata/compression.hpp>
#include <strata/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// Smaller payloads are not compressed: without a dictionary, and with one.
inline constexpr std::size_t compress_above = 1024;
inline constexpr std::size_t compress_above_with_dictionary = 64;

using dictionaries = std::vector<std::shared_ptr<const dictionary>>;

/// Returns `payload` as one zstd frame of level 1, with the first dictionary of `known` if there is one.
/// Returns nothing unless that saves an eighth.
std::optional<std::string> compress(std::string_view payload, const dictionaries& known);

/// The payload of one zstd frame.
/// Errors: corrupt_entry: the bytes are no frame, state no size or one above `limit`, or need a
///         dictionary that is not in `known`.
result<std::string> decompress(std::string_view frame, std::size_t limit, const dictionaries& known);

}  // namespace strata::detail
