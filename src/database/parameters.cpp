#include "database/parameters.hpp"

#include "core/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <variant>

namespace strata::detail {

namespace {

/// Empty: nothing.
std::string_view fault_of(const sql_value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (text->contains('\0')) return "holds a NUL byte";
    if (!is_utf8(*text)) return "is a text that is not UTF-8";
  }
  if (const auto* real = std::get_if<double>(&value); real != nullptr && std::isnan(*real)) return "is NaN";
  return {};
}

}  // namespace

result<void> check_parameters(std::span<const sql_value> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const auto fault = fault_of(values[i]); !fault.empty()) {
      return fail(errc::invalid_argument, fmt::format("parameter ${} {}", i + 1, fault));
    }
  }
  return {};
}

}  // namespace strata::detail
