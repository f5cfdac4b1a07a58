#pragma once
/// Expected failures as values. A miss is not an error.
/// Threads: immutable values.

#include <expected>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// Every expected failure of the library. Nothing else is reported as an `error`.
enum class errc {
  timeout = 1,           ///< a deadline passed before the work was done
  store_unavailable,     ///< the second-level store did not answer or refused
  database_unavailable,  ///< the source of truth did not answer or refused a connection
  corrupt_entry,         ///< stored bytes are not an entry, or not of the expected type
  too_large,             ///< a value, key or input is over its limit
  invalid_argument,      ///< an argument is malformed; `detail` says which and why
  constraint,            ///< the database refused a write: unique, foreign key, check, not null
  conflict,              ///< the row's version is not the one that was expected
  not_found,             ///< the row to be written does not exist
  busy,                  ///< a bounded queue or pool is full
  factory_failed,        ///< a factory threw; where an exception cannot be handed on
  statement,             ///< the database refused a statement: syntax, unknown table or column
  contention,            ///< another transaction was faster; nothing was written; retry
  unauthentic_entry,     ///< stored bytes were not sealed by a holder of the keys, or not under this name
  cancelled,             ///< the caller's stop_token requested a stop; other callers go on
};

/// The name of `code` as written in this header, e.g. "store_unavailable".
std::string_view name(errc code) noexcept;

/// An expected failure: its kind, and one sentence with the cause, the place and the remedy.
/// `detail` never holds a secret or a cached value.
struct error {
  errc code{};
  std::string detail;
};

/// A value, or the reason why there is none.
template <class T>
using result = std::expected<T, error>;

/// Shorthand: `return strata::fail(errc::busy, "…")` from a function returning `result`.
inline std::unexpected<error> fail(errc code, std::string detail) {
  return std::unexpected(error{code, std::move(detail)});
}

/// Thrown by constructors that were given bad options. Names every problem, not only the first.
class bad_options : public std::invalid_argument {
 public:
  explicit bad_options(std::vector<std::string> problems);
  const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  std::vector<std::string> problems_;
};

}  // namespace strata
