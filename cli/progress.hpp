#pragma once
/// A progress bar on stderr, for a person who waits; prints nothing if stderr is no terminal.
/// Threads: one.

#include <cstdint>
#include <string>

namespace strata::cli {

/// One line: "importing [=====     ]  50 %  1200 records". With `whole` unknown (0): without bar.
std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t whole,
                          std::uint64_t records);

class progress_bar {
 public:
  progress_bar(std::string what, std::uint64_t whole);
  /// Erases the bar.
  ~progress_bar();
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  void show(std::uint64_t done, std::uint64_t records);
  /// Prints `line` above the bar.
  void print(const std::string& line);

 private:
  std::string what_;
  std::uint64_t whole_;
  bool terminal_;
  std::string shown_;
};

}  // namespace strata::cli
