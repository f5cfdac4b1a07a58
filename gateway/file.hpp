#pragma once
/// Small files, read whole: configuration, keys, dictionaries.
/// Threads: any.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <string>

namespace strata::gateway {

/// The content of `file`. Errors: not_found, too_large or invalid_argument, with a detail that begins
/// with a verb; the caller adds the name: "cannot be read: Permission denied".
result<std::string> read_file(const std::string& file, byte_size limit);

}  // namespace strata::gateway
