#pragma once
/// The chunked transfer coding (RFC 9112 §7.1), decoded in place and strictly.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata::http {

/// Decodes chunked bytes as they arrive.
/// Threads: one strand.
class chunked_decoder {
 public:
  explicit chunked_decoder(std::size_t max_body) noexcept : max_body_(max_body) {}

  enum class parse_status { incomplete, complete, refused };
  struct step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };

  /// Decodes what it can of `size` bytes at `in` to `out`. Once complete nothing is consumed: what
  /// follows is the next request.
  /// Requires: `out` has room for `size` bytes; it may be `in` or lie before it.
  step feed(const char* in, std::size_t size, char* out) noexcept;

  parse_status state() const noexcept { return state_; }
  /// Requires: refused. The status is 400, 413 or 431; the reason is static text.
  int status() const noexcept { return status_; }
  std::string_view why() const noexcept { return why_; }

 private:
  enum class part : std::uint8_t {
    size_start,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    line_start,
    trailer,
    trailer_lf,
    last_lf,
  };
  void refuse(int status, std::string_view why) noexcept;
  void take(char c) noexcept;
  void end_of_size() noexcept;

  std::size_t max_body_;
  std::size_t body_ = 0;
  std::uint64_t chunk_ = 0;
  std::size_t line_ = 0;      // bytes of this size line
  std::size_t trailers_ = 0;  // bytes of all trailers
  part part_ = part::size_start;
  parse_status state_ = parse_status::incomplete;
  int status_ = 0;
  bool colon_ = false;
  std::string_view why_;
};

}  // namespace strata::http
