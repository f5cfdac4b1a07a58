#include <strata/relay_stats.hpp>
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

std::string_view name(clear_reason why) noexcept {
  switch (why) {
    case clear_reason::fresh:
      return "fresh";
    case clear_reason::source_lost:
      return "source_lost";
    case clear_reason::store_lost:
      return "store_lost";
    case clear_reason::too_old:
      return "too_old";
    case clear_reason::too_many:
      return "too_many";
    case clear_reason::overflow:
      return "overflow";
  }
  return "?";
}

}  // namespace strata
