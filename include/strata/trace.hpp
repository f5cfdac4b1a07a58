#pragma once
/// Request traces, and what a memory cache of some size would make of them: to choose the size
/// before it is bought.
/// Threads: each object by one at a time; the functions are pure.
///
///   auto trace = strata::trace_reader::open("requests.csv.gz");
///   strata::trace_replay cache({.size = 64_MiB});
///   for (strata::trace_request each; *trace->next(each);) cache.add(each);
///   cache.result().object_miss_ratio();
///
/// A trace is text, as it is or gzip (told by its first bytes), a request a line, in order of time:
///
///   time,key[,size[,ttl]]
///
/// time  seconds since any moment, with a fraction or not; one before the last counts as the last
/// key   any text without a comma
/// size  bytes, at most 1 TiB; 1 if the trace has none, so that each object counts 1
/// ttl   seconds from when it is stored; 0 or nothing: it does not end
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

struct trace_request {
  duration time{};
  duration ttl{};  ///< 0: none
  std::uint64_t size = 1;
  std::string key;
};

/// A trace file, read request by request: what it holds of it is bounded, whatever its length.
class trace_reader {
 public:
  /// Errors: invalid_argument: there is no such file, or it may not be read.
  static result<trace_reader> open(const std::filesystem::path& file);
  trace_reader(trace_reader&&) noexcept;
  trace_reader& operator=(trace_reader&&) noexcept;
  ~trace_reader();

  /// Reads the next request into `into`. Returns false at the end.
  /// Errors: invalid_argument that names file and line, what is wrong there and what to do. The
  ///         same again if called again.
  result<bool> next(trace_request& into);

  /// Bytes of the file: read so far, and all; 0 if unknown.
  std::uint64_t position() const noexcept;
  std::uint64_t file_size() const noexcept;

 private:
  struct state;
  explicit trace_reader(std::unique_ptr<state> held);
  std::unique_ptr<state> state_;
};

/// What is in a trace, whatever the cache.
/// Cost: 8 to 20 bytes an object.
class trace_census {
 public:
  trace_census();
  ~trace_census();
  trace_census(const trace_census&) = delete;
  trace_census& operator=(const trace_census&) = delete;

  void add(const trace_request& request);

  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t objects() const noexcept;                  ///< different keys
  std::uint64_t bytes() const noexcept { return bytes_; }  ///< of each object once
  std::uint64_t requested_bytes() const noexcept { return requested_bytes_; }
  bool has_sizes() const noexcept { return has_sizes_; }  ///< one is not 1

 private:
  struct seen;
  std::unique_ptr<seen> seen_;
  std::uint64_t requests_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t requested_bytes_ = 0;
  bool has_sizes_ = false;
};

/// What the size of a replayed cache counts.
enum class replay_counts : std::uint8_t {
  memory,    ///< all that a `cache` with that much memory would use: keys, values, index and the rest
  capacity,  ///< the trace's own sizes alone, as published figures do
};

struct replay_options {
  byte_size size{64u << 20};
  replay_counts counts = replay_counts::memory;
  eviction_policy policy = eviction_policy::s3camp;
  eviction_objective objective = eviction_objective::objects;
  bool ttls = true;  ///< false: nothing ends
};

struct replay_result {
  std::uint64_t requests = 0;
  std::uint64_t misses = 0;
  std::uint64_t requested_bytes = 0;
  std::uint64_t missed_bytes = 0;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t rejected = 0;  ///< too large for the cache
  std::uint64_t entries = 0;   ///< at the end
  std::uint64_t used = 0;      ///< at the end, as the size counts

  /// Of the requests, and of what they asked for, the share that was not there. 0 without requests.
  double object_miss_ratio() const noexcept;
  double byte_miss_ratio() const noexcept;
};

/// A memory cache that is asked what a trace asked, and given what it missed.
/// Cost: what a cache of that size uses besides its values. Nothing if it counts capacity but an
///       entry of 64 bytes an object that it holds.
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
