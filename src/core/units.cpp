#include <strata/units.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>

namespace strata {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
  bool shown = true;  // used when a value is written
};

// Ascending, so that the last one that divides a value gives its shortest text.
constexpr std::array<unit, 7> time_units{{{"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"d", 86'400'000'000'000, false}}};
constexpr std::array<unit, 4> size_units{{{"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}}};

result<std::uint64_t> parse(std::string_view text, std::span<const unit> units, std::uint64_t limit,
                            std::string_view expected) {
  const auto wrong = [&] {
    return fail(errc::invalid_argument,
                '"' + std::string(text.substr(0, 40)) + "\" is not " + std::string(expected));
  };
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, number);
  if (status == std::errc::invalid_argument) return wrong();
  for (const unit& each : units) {
    if (each.name != std::string_view(rest, end)) continue;
    if (status == std::errc::result_out_of_range || number > limit / each.factor) {
      return fail(errc::too_large, '"' + std::string(text.substr(0, 40)) + "\" is too large");
    }
    return number * each.factor;
  }
  return wrong();
}

std::string write(std::uint64_t value, std::span<const unit> units) {
  const unit* best = &units.front();
  for (const unit& each : units) {
    if (each.shown && value != 0 && value % each.factor == 0) best = &each;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

result<duration> parse_duration(std::string_view text) {
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<duration::rep>::max());
  const auto parsed =
      parse(text, time_units, limit, "a duration: a whole number and ns, us, ms, s, m, h or d, e.g. \"30m\"");
  if (!parsed) return std::unexpected(parsed.error());
  return duration(static_cast<duration::rep>(*parsed));
}

result<byte_size> parse_size(std::string_view text) {
  const auto parsed = parse(text, size_units, std::numeric_limits<std::uint64_t>::max(),
                            "a size: a whole number and B, KiB, MiB or GiB, e.g. \"64MiB\"");
  if (!parsed) return std::unexpected(parsed.error());
  return byte_size{*parsed};
}

std::string to_text(duration value) {
  if (value == duration::zero()) return "0s";
  return write(static_cast<std::uint64_t>(value.count()), time_units);
}

std::string to_text(byte_size value) {
  return write(value.count, size_units);
}

}  // namespace strata
