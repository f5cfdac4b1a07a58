#pragma once
/// Splits a stream into the records of an import: the lines of JSON Lines, or the items of a JSON array.
/// Holds one record at a time. Threads: one at a time.

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>

namespace strata::platform {

/// One record's text, or a problem of the stream.
struct record_text {
  std::size_t line = 0;  ///< where it begins, from 1
  std::string text;
  std::string problem;  ///< if not empty, ignore `text`
};

class record_reader {
 public:
  enum class format { empty, lines, array };

  /// Looks at the first character that is no space. Lifetime: `from` outlives the reader.
  explicit record_reader(std::istream& from);

  format kind() const noexcept { return kind_; }

  /// The next record, or nothing at the end. A record over `max_record` bytes is a problem, and
  /// read past. A malformed array ends with a problem.
  std::optional<record_text> next();

  /// Bytes read so far.
  std::uint64_t bytes() const noexcept { return bytes_; }

  static constexpr std::size_t max_record = 1u << 20;

 private:
  std::optional<record_text> next_line();
  std::optional<record_text> next_item();
  record_text broken(std::string what);
  int take();
  int peek();
  int skip_spaces();

  std::istream* from_;
  format kind_ = format::empty;
  bool done_ = false;
  bool first_ = true;
  std::size_t line_ = 1;
  std::uint64_t bytes_ = 0;
};

}  // namespace strata::platform
