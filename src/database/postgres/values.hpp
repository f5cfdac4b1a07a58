#pragma once
/// Values as PostgreSQL's text format has them.
/// Threads: pure functions; `parameter_texts` by one.

#include <strata/database.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace strata::detail {

/// Type numbers that PostgreSQL will never change (catalog/pg_type.dat).
enum class pg_type : std::uint32_t {
  boolean = 16,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  oid = 26,
  float4 = 700,
  float8 = 701,
  bpchar = 1042,
  numeric = 1700,
};

/// A column's text as a value: integers of every width and true and false (1, 0) as integer, floats
/// as real, numeric as integer if it is whole and fits, else as real; everything else as text. A char(n)
/// comes without the blanks that pad it: they mean nothing to SQL, and keys are made of its text.
sql_value value_of(std::string_view text, pg_type type);

/// The parameters of one statement as C strings. Reused, so that it allocates only while it grows.
class parameter_texts {
 public:
  /// Lifetime: `values` stays until they have been sent.
  void set(std::span<const sql_value> values);
  const char* const* data() const noexcept { return pointers_.data(); }
  int size() const noexcept { return static_cast<int>(pointers_.size()); }

 private:
  using number = std::array<char, 32>;
  std::vector<const char*> pointers_;
  std::vector<number> numbers_;
};

}  // namespace strata::detail
