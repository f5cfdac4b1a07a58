#include "repository/query_text.hpp"

#include <algorithm>
#include <array>

namespace strata::detail {

namespace {

constexpr std::array<std::string_view, 4> writes{"INSERT", "UPDATE", "DELETE", "MERGE"};
constexpr std::array<std::string_view, 7> verbs{"SELECT", "VALUES", "TABLE",  "INSERT",
                                                "UPDATE", "DELETE", "REPLACE"};

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
  return std::ranges::any_of(words, [&](std::string_view each) { return same_word(word, each); });
}

/// The state of reading a statement, token by token.
class query_shape {
 public:
  void see(sql_token kind, std::string_view text) {
    if (kind == sql_token::open) ++depth_;
    if (kind == sql_token::close) --depth_;
    if (kind == sql_token::word) see_word(text);
    opened_ = kind == sql_token::open;
    first_ = false;
  }

  /// The reason why it cannot be cached; null: it can.
  const char* refusal() const {
    if (writes_) return "a query that writes cannot be cached";
    if (!selects_) return "only SELECT, or WITH … SELECT, can be cached";
    if (makes_table_) return "SELECT INTO makes a table, and cannot be cached";
    return nullptr;
  }

 private:
  void see_word(std::string_view word) {
    if (first_) with_ = same_word(word, "WITH");
    if (opened_ && is_one_of(word, writes)) writes_ = true;
    if (depth_ != 0) return;
    if (selects_ && same_word(word, "INTO")) makes_table_ = true;
    if (verb_seen_ || !(first_ || with_) || !is_one_of(word, verbs)) return;
    verb_seen_ = true;
    selects_ = same_word(word, "SELECT");
  }

  int depth_ = 0;
  bool first_ = true;
  bool opened_ = false;  ///< the last token was `(`
  bool with_ = false;
  bool verb_seen_ = false;
  bool selects_ = false;
  bool writes_ = false;
  bool makes_table_ = false;
};

}  // namespace

result<std::string> normalized_query(std::string_view text, sql_dialect dialect) {
  std::string out;
  query_shape shape;
  sql_scanner from(text, dialect);
  std::size_t end = 0;
  bool ended = false;
  for (auto kind = from.next(); kind != sql_token::end; kind = from.next()) {
    if (ended) return fail(errc::statement, "one statement at a time");
    ended = kind == sql_token::semicolon;
    if (ended) continue;
    if (!out.empty() && from.begin() != end) out += ' ';
    end = from.end();
    out += from.last();
    shape.see(kind, from.last());
  }
  if (out.empty()) return fail(errc::statement, "the statement is empty");
  if (const char* why = shape.refusal()) return fail(errc::statement, why);
  return out;
}

}  // namespace strata::detail
