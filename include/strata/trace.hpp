#pragma once
/// Request traces and their replay: how a memory cache of a given size would serve them. Use it to choose
/// the size before you pay for it.
/// Threads: one at a time for each object; the functions are pure.
///
///   auto trace = strata::trace_reader::open("requests.csv.gz");
///   strata::trace_replay cache({.size = 64_MiB});
///   for (strata::trace_request each; *trace->next(each);) cache.add(each);
///   cache.result().object_miss_ratio();
///
/// A trace is text, plain or gzip (its first bytes decide), with one request a line, in order of time:
///
///   time,key[,size[,ttl]]
///
/// time  seconds since any moment, with a fraction or not; one before the last counts as the last
/// key   any text without a comma
/// size  bytes, at most 1 TiB; 1 if the trace has none, so that each object counts 1
/// ttl   seconds after it is stored; 0 or nothing: it never expires
///
/// A first line that begins with "time," is a heading. A line has at most 4096 bytes.

#include <strata/error.hpp>
#include <strata/eviction.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// One line of a trace.
struct trace_request {
  duration time{};
  duration ttl{};  ///< 0: none
  byte_size size{1};
  std::string key;
};

/// A trace file, read request by request. Uses bounded memory, whatever the file's length.
class trace_reader {
 public:
  /// Errors: invalid_argument: there is no such file, or it may not be read.
  static result<trace_reader> open(const std::filesystem::path& file);
  trace_reader(trace_reader&&) noexcept;
  trace_reader& operator=(trace_reader&&) noexcept;
  ~trace_reader();

  /// Reads the next request into `into`. Returns false at the end.
  /// Errors: invalid_argument that names file, line, problem and remedy; the same at every later call.
  result<bool> next(trace_request& into);

  /// How much of the file has been read, and its size; 0 if unknown.
  byte_size position() const noexcept;
  byte_size file_size() const noexcept;

 private:
  struct state;
  explicit trace_reader(std::unique_ptr<state> held);
  std::unique_ptr<state> state_;
};

/// Counts the requests and objects of a trace; no cache is involved.
/// Cost: 8 to 20 bytes an object.
class trace_census {
 public:
  trace_census();
  ~trace_census();
  trace_census(const trace_census&) = delete;
  trace_census& operator=(const trace_census&) = delete;

  void add(const trace_request& request);

  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t objects() const noexcept;            ///< distinct keys
  byte_size size() const noexcept { return size_; }  ///< of all objects, each once
  byte_size requested_size() const noexcept { return requested_size_; }
  bool has_sizes() const noexcept { return has_sizes_; }  ///< some size is not 1

 private:
  struct seen;
  std::unique_ptr<seen> seen_;
  std::uint64_t requests_ = 0;
  byte_size size_;
  byte_size requested_size_;
  bool has_sizes_ = false;
};

/// What the size of a replayed cache counts.
enum class replay_counts : std::uint8_t {
  memory,    ///< the whole memory of a `cache`: keys, values, index and overhead
  capacity,  ///< the trace's own sizes alone, as in published figures
};

/// The cache to replay a trace in.
struct replay_options {
  byte_size size{64u << 20};
  replay_counts counts = replay_counts::memory;
  eviction_policy policy = eviction_policy::s3camp;
  eviction_objective objective = eviction_objective::objects;
  bool ttls = true;  ///< false: nothing expires
};

/// Counters of a replay.
struct replay_result {
  std::uint64_t requests = 0;
  std::uint64_t misses = 0;
  byte_size requested_size;
  byte_size missed_size;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t rejected = 0;  ///< too large for the cache
  std::uint64_t entries = 0;   ///< at the end
  byte_size used;              ///< at the end, counted as replay_options.counts says

  /// The share of requests that missed, and the share of requested bytes. 0 without requests.
  double object_miss_ratio() const noexcept;
  double byte_miss_ratio() const noexcept;
};

/// A memory cache that serves the requests of a trace and stores each miss.
/// Cost: the memory of a cache of that size without its values; if it counts capacity, 64 bytes for
///       each object that it holds.
class trace_replay {
 public:
  explicit trace_replay(replay_options options);
  trace_replay(trace_replay&&) noexcept;
  trace_replay& operator=(trace_replay&&) noexcept;
  ~trace_replay();

  /// Cost: O(1).
  void add(const trace_request& request);
  replay_result result() const;

 private:
  class model;
  class whole_cache;
  class bare_policy;
  std::unique_ptr<model> model_;
};

}  // namespace strata
