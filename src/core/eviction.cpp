#include <strata/eviction.hpp>

#include <cstdlib>

namespace strata {

std::string_view name(eviction_policy of) noexcept {
  switch (of) {
    case eviction_policy::s3camp:
      return "s3camp";
    case eviction_policy::s3fifo:
      return "s3fifo";
    case eviction_policy::lru:
      return "lru";
  }
  std::abort();
}

std::string_view name(eviction_objective of) noexcept {
  return of == eviction_objective::bytes ? "bytes" : "objects";
}

}  // namespace strata
