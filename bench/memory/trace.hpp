#pragma once
/// Request traces and the published miss ratios beside them.
/// Threads: pure functions.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace strata::bench {

struct request {
  std::int64_t time = 0;  ///< nanoseconds
  std::int64_t ttl = 0;   ///< nanoseconds; 0: none
  std::uint32_t key = 0;
  std::uint32_t size = 0;
};

/// The lines `time,key,size[,ttl]` of a gzip file, times in seconds. Throws std::runtime_error with
/// the line that cannot be read.
std::vector<request> read_trace(const std::string& path);

struct published_ratio {
  std::size_t capacity = 0;
  double objects = 0;
  double bytes = 0;
};

/// By "trace,algorithm,fraction".
std::map<std::string, published_ratio> read_reference(const std::string& path);

}  // namespace strata::bench
