#pragma once
/// RESP3 as a stream of tokens: the heads of aggregates and the scalars, none of them copied.
/// Does no I/O. Source: the RESP3 specification of Redis, streamed strings and aggregates included.
/// Threads: one strand.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata::resp {

/// Limits on the memory that a peer can make us use.
struct limits {
  std::size_t depth = 32;               ///< of nested aggregates
  std::size_t elements = 1u << 20;      ///< scalars and aggregates in one message, all depths
  std::size_t string_size = 64u << 20;  ///< bytes of one string, streamed ones as a whole
  std::size_t line_size = 64u << 10;  ///< bytes of a line that ends in CR LF: simple strings, errors, numbers
  std::size_t message_size = 256u << 20;  ///< bytes of all strings in one message
};

enum class token_kind : std::uint8_t {
  null,
  boolean,
  number,
  real,
  big_number,
  simple_string,
  bulk_string,
  verbatim_string,
  simple_error,
  bulk_error,
  array,
  set,
  map,
  push,
  attribute,
  streamed_string,  ///< parts follow; the empty part is the last
  part,
  end,  ///< of a streamed aggregate
};

struct token {
  token_kind is = token_kind::null;
  bool yes = false;       ///< boolean
  bool streamed = false;  ///< array, set, map, attribute: `end` follows the last item
  std::int64_t number = 0;
  double real = 0;
  std::uint64_t count = 0;  ///< of an aggregate: its items; a map's are twice its pairs
  std::string_view text;    ///< points into the input
};

enum class parse_status : std::uint8_t { complete, incomplete, refused };

class tokenizer {
 public:
  explicit tokenizer(const limits& with = {}) noexcept : limits_(with) {}

  /// Reads the token at the start of `input` and removes its bytes. `incomplete`: `input` is unchanged;
  /// call again with the same bytes and more after them. `refused`: `why` gives the reason, and the
  /// stream is unusable.
  /// Lifetime: `into.text` views `input`.   Cost: O(new bytes), no allocation
  parse_status next(std::string_view& input, token& into) noexcept;

  /// How many bytes the incomplete token at the start of the input needs, as far as is known: for a
  /// reader that reserves room. After `incomplete`, at least one more than are there.
  std::size_t wanted() const noexcept { return wanted_; }

  /// Static text.
  std::string_view why() const noexcept { return why_; }

 private:
  parse_status refuse(std::string_view why) noexcept {
    why_ = why;
    return parse_status::refused;
  }
  parse_status line(std::string_view& input, token& into, std::size_t end) noexcept;
  parse_status blob(std::string_view& input, token& into, std::size_t end) noexcept;
  parse_status aggregate(std::string_view text, token& into) noexcept;

  limits limits_;
  std::size_t scanned_ = 0;  ///< bytes of the incomplete token that hold no line end
  std::size_t wanted_ = 1;
  std::string_view why_;
};

}  // namespace strata::resp
