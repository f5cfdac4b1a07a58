#pragma once
/// Whole RESP3 messages out of bytes that come in pieces, however they are cut.
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

  /// Reads on in `input` and takes off what it has read. `complete`: `into` is the next message, a
  /// reply or a push. `incomplete`: keep the bytes that are left and call again with more behind
  /// them. `refused`: `why` says why, for good.
  /// Cost: O(new bytes); a string is copied once, when all of it is there
  progress next(std::string_view& input, value& into);

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
    std::vector<value> attributes;  ///< that stood before it
  };
  progress refuse(std::string_view why);
  bool count(const token& of);
  bool begin(const token& of);
  bool finish(value& into, value done);
  bool close_full(value& into);

  limits limits_;
  tokenizer tokens_;
  std::vector<open> open_;
  std::vector<value> attributes_;  ///< of the value that comes next
  bool streaming_ = false;         ///< parts of a string are coming in
  std::string streamed_;
  std::size_t elements_ = 0;
  std::size_t size_ = 0;
  std::string_view why_;
};

}  // namespace strata::resp
