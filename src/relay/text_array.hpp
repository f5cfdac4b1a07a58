#pragma once
/// Arrays of text as PostgreSQL writes and reads them (manual, 8.15.2 and 8.15.6).
/// Threads: pure functions.

#include <strata/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relay_detail {

/// A NULL element is nullopt.
using text_array = std::vector<std::optional<std::string>>;

/// Reads `{a,"b c",NULL}`: one dimension. Errors: corrupt_entry.
result<text_array> read_text_array(std::string_view text);

/// `elements` as an array, each quoted.
std::string write_text_array(const std::vector<std::string>& elements);

}  // namespace strata::relay_detail
