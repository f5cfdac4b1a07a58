#pragma once
/// Which statements one connection has prepared, by text, and which one to give up for another.
/// Threads: one at a time.

#include "core/text_hash.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

namespace strata::detail {

class statement_cache {
 public:
  /// How many a connection keeps; the least recently used goes first.
  static constexpr std::size_t kept = 256;

  explicit statement_cache(std::size_t limit = kept) : limit_(limit) {}

  struct use {
    std::string_view name;    ///< what it is called on the server; until it is forgotten or dropped
    bool is_new = false;      ///< the caller prepares it now, before it is run
    std::string deallocated;  ///< the name of one that is to be given up; empty: none
  };
  /// The statement `text`, added if it is not there.
  use find(std::string_view text);

  /// The server has prepared it. Only such are ever given up.
  void confirm(std::string_view name);
  /// The server does not have it, or not as its text would be today.
  void forget(std::string_view name);
  void forget_text(std::string_view text);

  std::size_t size() const noexcept { return by_text_.size(); }

 private:
  struct entry {
    std::string text;
    std::string name;
    bool confirmed = false;
  };
  using list = std::list<entry>;
  void erase(list::iterator which);

  std::size_t limit_;
  std::uint64_t last_ = 0;
  list recent_;  ///< most recently used first
  text_map<std::string_view, list::iterator> by_text_;
  text_map<std::string_view, list::iterator> by_name_;
};

}  // namespace strata::detail
