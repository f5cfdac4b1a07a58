#include <strata/error.hpp>

namespace strata {

namespace {

std::string joined(const std::vector<std::string>& problems) {
  std::string text;
  for (const auto& each : problems) {
    if (!text.empty()) text += "; ";
    text += each;
  }
  return text;
}

}  // namespace

std::string_view name(errc code) noexcept {
  switch (code) {
    case errc::timeout:
      return "timeout";
    case errc::store_unavailable:
      return "store_unavailable";
    case errc::database_unavailable:
      return "database_unavailable";
    case errc::corrupt_entry:
      return "corrupt_entry";
    case errc::too_large:
      return "too_large";
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::constraint:
      return "constraint";
    case errc::conflict:
      return "conflict";
    case errc::not_found:
      return "not_found";
    case errc::busy:
      return "busy";
    case errc::factory_failed:
      return "factory_failed";
    case errc::statement:
      return "statement";
    case errc::contention:
      return "contention";
    case errc::unauthentic_entry:
      return "unauthentic_entry";
    case errc::cancelled:
      return "cancelled";
  }
  return "unknown";
}

bad_options::bad_options(std::vector<std::string> problems)
    : std::invalid_argument(joined(problems)), problems_(std::move(problems)) {
}

}  // namespace strata
