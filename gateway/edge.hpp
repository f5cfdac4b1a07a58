#pragma once
/// The edges of a configuration, and the sender of their purges.
/// Threads: one opens it.

#include "gateway/config.hpp"

#include <strata/database.hpp>
#include <strata/edge_queue.hpp>
#include <strata/error.hpp>
#include <strata/log.hpp>

#include <memory>

namespace strata::gateway {

/// Whether `values` names an edge.
bool has_edge(const edge_config& values) noexcept;

/// Installs the queue of purges in `source` and begins to send them. Null if the configuration names no edge.
/// If the queue cannot be installed, it logs why and what to do: writes go on, and the edge keeps what it has
/// until it expires.
/// Errors: invalid_argument for two edges of one name.
result<std::unique_ptr<edge_sender>> open_edge(const config& values, std::shared_ptr<database> source,
                                               log_function log);

}  // namespace strata::gateway
