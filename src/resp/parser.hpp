#pragma once
/// Reads whole RESP3 messages from bytes that arrive in pieces of any size.
/// Threads: one strand.

#include "resp/tokenizer.hpp"
#include "resp/value.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace strata::resp {

class parser {
 public:
  explicit parser(const limits& with = {}) : limits_(with), tokens_(with) {}

  /// Reads from `input` and removes what it has read. `complete`: `into` is the next message, a reply or
  /// a push. `incomplete`: keep the remaining bytes and call again when more have been appended.
  /// `refused`: `why` gives the reason, and the stream is unusable.
  /// Cost: O(new bytes); a string is copied once, when it is complete
  parse_status next(std::string_view& input, value& into);

  /// See `tokenizer::wanted`.
  std::size_t wanted() const noexcept { return tokens_.wanted(); }
  /// Static text. Requires: refused.
  std::string_view why() const noexcept { return why_; }

 private:
  struct open {
    token_kind is;
    bool streamed;
    std::uint64_t left;
    std::vector<value> items;
    std::vector<value> attributes;  ///< that precede it
  };
  parse_status refuse(std::string_view why);
  bool count(const token& of);
  bool begin(const token& of);
  bool finish(value& into, value done);
  bool close_full(value& into);

  limits limits_;
  tokenizer tokens_;
  std::vector<open> open_;
  std::vector<value> attributes_;  ///< of the next value
  bool streaming_ = false;         ///< parts of a string are arriving
  std::string streamed_;
  std::size_t elements_ = 0;
  std::size_t size_ = 0;
  std::string_view why_;
};

}  // namespace strata::resp
