#pragma once
/// What `strata db status` prints: the tables that record their changes, and the relays that read them.
/// Threads: pure functions.

#include <strata/outbox.hpp>

#include <string>

namespace strata::cli {

/// For people; no newline at its end.
std::string outbox_view(const outbox_status& of);

/// For programs: one JSON object.
std::string outbox_json(const outbox_status& of);

}  // namespace strata::cli
