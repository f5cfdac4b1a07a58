#pragma once
/// What is still sealed with which key: values of the second level, and sessions in the database.
/// Threads: any.

#include "gateway/config.hpp"

#include <strata/error.hpp>

#include <cstdint>
#include <map>

namespace strata::gateway {

/// By the keys' ids; 0: with none.
struct key_use {
  std::map<std::uint32_t, std::uint64_t> values;    ///< in the store of the configuration
  std::map<std::uint32_t, std::uint64_t> sessions;  ///< in its database

  std::uint64_t of(std::uint32_t id) const;
};

/// Counts what `values` names. Waits for the connection to the store for `patience` at most.
/// Errors: the store or the database cannot be reached.   Cost: reads every value of the store's name space
result<key_use> count_key_use(const config& values, duration patience = std::chrono::seconds(5));

}  // namespace strata::gateway
