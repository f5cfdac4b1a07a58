#pragma once
/// The keys that encrypt values in the second level, from the configuration or their file. Errors name file,
/// line and id, never a key.
/// Threads: any; one process at a time should add to a file.

#include "gateway/config.hpp"

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace strata::gateway {

/// The configured key ring; null if no keys are configured.
/// Errors: a file that cannot be read, or that not only its owner may read; text that is not keys.
result<std::shared_ptr<const key_ring>> open_keys(const encryption_config& from);

/// A new key as a line of a key file, "1:…".
std::string key_line(std::uint32_t id);

/// Appends a new key to `file`, which is created if it is missing. Gateways decrypt with it from their next
/// start, and encrypt with it if it is the first or the active one. `id` 0: one more than the largest.
/// Returns its id. Errors: as open_keys; an id that the file already has.
result<std::uint32_t> add_key(const std::string& file, std::uint32_t id);

}  // namespace strata::gateway
