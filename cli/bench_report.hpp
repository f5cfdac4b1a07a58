#pragma once
/// The results of `strata bench trace` as text, as a table and as JSON.
/// Threads: pure functions.

#include <strata/trace.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strata::cli {

/// The trace itself, whatever the cache.
struct trace_contents {
  std::string trace;  ///< the file's name
  std::uint64_t requests = 0;
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of each object once
  std::uint64_t requested_bytes = 0;
  bool has_sizes = false;
};

/// One replay and its result.
struct replay_run {
  replay_options options;
  replay_result result;
};

/// Policies side by side in a cache of one size.
struct sweep_point {
  double fraction = 0;  ///< of the size of all objects
  std::uint64_t size = 0;
  bool requested = false;  ///< by --memory or --capacity
  std::vector<replay_run> policies;
};

struct capacity_sweep {
  replay_counts counts = replay_counts::capacity;
  std::uint64_t whole = 0;  ///< size of all objects, in the unit of `counts`
  std::vector<sweep_point> points;
};

/// "12.5 MiB" where `size` is bytes, else the number of objects.
std::string readable_size(std::uint64_t size, bool bytes);

/// Whether the sizes of `of` are bytes: the trace has sizes, or memory is counted.
bool sizes_are_bytes(const trace_contents& what, const capacity_sweep& of);

std::string replay_text(const trace_contents& what, const replay_run& how);
std::string replay_json(const trace_contents& what, const replay_run& how);
std::string sweep_text(const trace_contents& what, const capacity_sweep& of);
std::string sweep_json(const trace_contents& what, const capacity_sweep& of);

/// A picture of the miss ratios over the sizes, for a browser.
std::string sweep_svg(const trace_contents& what, const capacity_sweep& of);

}  // namespace strata::cli
