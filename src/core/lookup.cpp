#include <strata/lookup.hpp>

namespace strata {

std::string_view name(layer of) noexcept {
  switch (of) {
    case layer::none:
      return "none";
    case layer::l1:
      return "l1";
    case layer::l2:
      return "l2";
    case layer::source:
      return "source";
  }
  return "unknown";
}

std::string_view name(miss_reason reason) noexcept {
  switch (reason) {
    case miss_reason::none:
      return "none";
    case miss_reason::absent:
      return "absent";
    case miss_reason::expired:
      return "expired";
    case miss_reason::removed:
      return "removed";
    case miss_reason::tag:
      return "tag";
    case miss_reason::prefix:
      return "prefix";
    case miss_reason::cleared:
      return "cleared";
    case miss_reason::fenced:
      return "fenced";
    case miss_reason::evicted:
      return "evicted";
    case miss_reason::undecodable:
      return "undecodable";
    case miss_reason::unauthentic:
      return "unauthentic";
    case miss_reason::too_large:
      return "too_large";
    case miss_reason::l2_down:
      return "l2_down";
    case miss_reason::not_coherent:
      return "not_coherent";
    case miss_reason::behind:
      return "behind";
    case miss_reason::unstorable:
      return "unstorable";
    case miss_reason::bypassed:
      return "bypassed";
    case miss_reason::failed:
      return "failed";
  }
  return "unknown";
}

}  // namespace strata
