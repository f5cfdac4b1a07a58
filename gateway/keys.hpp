#pragma once
/// The keys for encrypting what goes into the second level: from the configuration, and in their
/// file. What goes wrong is told by file, line and id, never with a key.
/// Threads: any; one process at a time should add to a file.

#include "gateway/config.hpp"

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace strata::gateway {

/// The configured key ring; null if no keys are configured.
/// Errors: a file that cannot be read, or that others than its owner may read; text that is no keys.
result<std::shared_ptr<const key_ring>> open_keys(const encryption_config& from);

/// A new key as a line of a key file, "1:…".
std::string key_line(std::uint32_t id);

/// Adds a new key to the end of `file`, which is made if it is not there: it reads from the next
/// start on, and writes if it is the first or made the active one. 0 as `id`: one more than the
/// largest. Returns its id. Errors: as open_keys; an id that is there already.
result<std::uint32_t> add_key(const std::string& file, std::uint32_t id);

}  // namespace strata::gateway
