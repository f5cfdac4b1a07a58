#include "memory/eviction.hpp"

#include <cstdlib>

namespace strata::memory {

make_policy maker_of(eviction_policy policy) noexcept {
  switch (policy) {
    case eviction_policy::s3camp:
      return make_s3_camp;
    case eviction_policy::s3fifo:
      return make_s3_fifo;
    case eviction_policy::lru:
      return make_lru;
  }
  std::abort();
}

}  // namespace strata::memory
