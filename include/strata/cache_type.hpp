#pragma once
/// The closed list of names that metrics group keys by.
/// Threads: immutable values; `named` and `names` are internally locked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// The label that metrics group keys by: the first segment of an entity's pattern. The list is closed:
/// it holds the entities of this process. A copy is one byte.
class cache_type {
 public:
  static constexpr std::size_t limit = 64;

  cache_type() = default;  ///< "other": a key of no entity
  /// The type called `name`; "other" once `limit` names are taken. Cost: a lock; not for hot paths.
  static cache_type named(std::string_view name);
  /// The type called `name` if an entity has it, else "other".
  static cache_type find(std::string_view name) noexcept;
  /// All names, by index; index 0 is "other".
  static std::vector<std::string> names();

  std::size_t index() const noexcept { return index_; }

 private:
  explicit cache_type(std::uint8_t index) : index_(index) {}
  std::uint8_t index_ = 0;
};

}  // namespace strata
