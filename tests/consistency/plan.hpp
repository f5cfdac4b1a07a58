#pragma once
/// The size of a run: how many rows exist, and how much is read and written.
/// Threads: plain values, shared by all processes.

#include <cstdint>

namespace strata::consistency {

inline constexpr std::uint32_t in_group = 8;

/// Rows have numbers: first those of `items`, in groups; the last two of each group are deleted and inserted
/// again. Then those of `bulk`, which is truncated and refilled. Then numbers whose rows never exist.
struct key_space {
  std::uint32_t items = 96;
  std::uint32_t bulk = 32;
  std::uint32_t never = 8;

  std::uint32_t all() const { return items + bulk + never; }
  bool is_bulk(std::uint32_t key) const { return key >= items && key < items + bulk; }
  bool is_item(std::uint32_t key) const { return key < items; }
  static bool comes_and_goes(std::uint32_t key) { return key % in_group >= in_group - 2; }
  static std::uint32_t group_of(std::uint32_t key) { return key / in_group; }
};

struct plan {
  key_space keys = {};
  std::uint32_t sessions = 12;
  std::uint32_t lanes = 4;          ///< threads per process, on which sessions take turns
  std::int64_t pause = 3;           ///< milliseconds between two bursts of reads
  std::uint32_t writes = 80;        ///< of 1,000 steps of a session
  std::uint32_t slow_reads = 15;    ///< of 1,000 steps of a session
  std::int64_t program_pause = 40;  ///< maximum milliseconds between two writes of a program
  std::int64_t breaker = 5000;      ///< milliseconds, as cache_options::breaker_open_for
  std::int64_t late = 5;            ///< maximum milliseconds by which store replies are delayed now and then
  char mutant[32] = {};             ///< a name from engine/mutation.hpp, for processes built with mutants
};

}  // namespace strata::consistency
