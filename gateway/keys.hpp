#pragma once
/// The keys that protect values in the second level, from the configuration or their file. Errors name file,
/// line and id, never a key.
/// Threads: any; one process at a time should add to a file.

#include "gateway/config.hpp"

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace strata::gateway {

/// The configured key ring; null if no keys are configured.
/// Errors: a file that cannot be read, or that not only its owner may read; text that is not keys.
result<std::shared_ptr<key_ring>> open_keys(const encryption_config& from);

/// The file of the generated keys of a demo: beside an SQLite database, "strata.db.keys", else in the current
/// folder.
std::string demo_keys_file(const std::string& database);

/// Whether there is such a file.
bool has_demo_keys(const std::string& file);

/// The keys of `file`, which is made with a new key if it is missing. Gateways that start together get the
/// same. Errors: as open_keys.
result<std::shared_ptr<key_ring>> open_demo_keys(const std::string& file);

/// What `reload_keys` changed.
struct reloaded_keys {
  std::vector<std::uint32_t> added;
  std::vector<std::uint32_t> missing;  ///< in the ring, and no longer configured: they decrypt until the end
  std::uint32_t active = 0;
};

/// Adds the keys that are configured now to `ring`, and makes the active one active. No value is lost: what
/// was sealed before stays readable. Errors: as open_keys; the ring is then unchanged. A configuration
/// without keys changes nothing.
result<reloaded_keys> reload_keys(const encryption_config& from, key_ring& ring);

/// A new key as a line of a key file, "1:…".
std::string key_line(std::uint32_t id);

/// The ids of the keys in `file`, the active one first. Errors: as open_keys.
result<std::vector<std::uint32_t>> key_ids(const std::string& file);

/// Takes the key `id` out of `file`. Errors: as open_keys; the file has no such key, or it is its first or
/// only one.
result<void> remove_key(const std::string& file, std::uint32_t id);

/// Appends a new key to `file`, which is created if it is missing. Gateways decrypt with it from their next
/// start or SIGHUP, and encrypt with it if it is the first or the active one. `id` 0: one more than the
/// largest. Returns its id. Errors: as open_keys; an id that the file already has.
result<std::uint32_t> add_key(const std::string& file, std::uint32_t id);

}  // namespace strata::gateway
