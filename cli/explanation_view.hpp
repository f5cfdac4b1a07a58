#pragma once
/// What `explain` found out about a key, for people.
/// Threads: pure functions.

#include "admin/bodies.hpp"

#include <string>

namespace strata::cli {

/// A line for the key, its type, each layer and the next read.
std::string explanation_view(const admin::admin_explanation& of);

}  // namespace strata::cli
