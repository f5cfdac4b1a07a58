#include <strata/stats.hpp>

namespace strata {

std::string_view name(second_level_state state) noexcept {
  switch (state) {
    case second_level_state::off:
      return "off";
    case second_level_state::up:
      return "up";
    case second_level_state::recovering:
      return "recovering";
    case second_level_state::down:
      return "down";
  }
  return "";
}

}  // namespace strata
