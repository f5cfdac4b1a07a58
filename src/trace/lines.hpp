#pragma once
/// The requests in a trace's bytes.
/// Threads: one.

#include <strata/trace.hpp>

#include "trace/bytes.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace strata::detail {

inline constexpr std::size_t longest_trace_line = 4096;

/// Reads one line without its line feed. Returns the problem with it, or nothing.
std::optional<std::string> parse_trace_line(std::string_view line, trace_request& into);

class trace_lines {
 public:
  /// `from` outlives it.
  explicit trace_lines(byte_source& from);

  /// As trace_reader::next; an error's detail begins with the line's number, or with a space
  /// if no line is at fault.
  result<bool> next(trace_request& into);

 private:
  /// The next line, or nothing at the end; valid until called again.
  result<std::optional<std::string_view>> line();
  std::unexpected<error> wrong(std::string_view what);

  byte_source& from_;
  std::unique_ptr<char[]> held_;
  std::size_t begin_ = 0;  ///< of the unread part of held_
  std::size_t end_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t total_ = 0;  ///< sum of the sizes
  std::optional<error> failed_;
};

}  // namespace strata::detail
