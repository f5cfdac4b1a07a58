#include "http/date.hpp"

#include "http/syntax.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace strata::http {

namespace {

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date piece by piece; the first piece that does not match makes the whole read fail.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  void literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) {
      fail();
    } else {
      rest_.remove_prefix(expected.size());
    }
  }
  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& names) {
    for (unsigned i = 0; i < N; ++i) {
      if (rest_.starts_with(names[i])) {
        rest_.remove_prefix(names[i].size());
        return i;
      }
    }
    fail();
    return 0;
  }
  int digits(std::size_t count) {
    int number = 0;
    if (rest_.size() < count) fail();
    for (std::size_t i = 0; ok_ && i < count; ++i) {
      if (!is_digit(rest_[i])) {
        fail();
      } else {
        number = number * 10 + (rest_[i] - '0');
      }
    }
    if (ok_) rest_.remove_prefix(count);
    return number;
  }
  /// asctime's day: " 6" or "16".
  int padded_day() {
    if (rest_.starts_with(' ')) {
      rest_.remove_prefix(1);
      return digits(1);
    }
    return digits(2);
  }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct clock_time {
  int hour = 0, minute = 0, second = 0;
};

clock_time scan_time(scanner& in) {
  clock_time at;
  at.hour = in.digits(2);
  in.literal(":");
  at.minute = in.digits(2);
  in.literal(":");
  at.second = in.digits(2);
  return at;
}

std::optional<std::chrono::sys_seconds> assemble(int year, unsigned month, int day, clock_time at) {
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(month + 1),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || at.hour > 23 || at.minute > 59 || at.second > 60) return {};
  return sys_days(date) + hours(at.hour) + minutes(at.minute) + seconds(std::min(at.second, 59));
}

std::optional<std::chrono::sys_seconds> parse_imf(std::string_view text) {
  scanner in(text);
  in.one_of(days);
  in.literal(", ");
  const int day = in.digits(2);
  in.literal(" ");
  const unsigned month = in.one_of(months);
  in.literal(" ");
  const int year = in.digits(4);
  in.literal(" ");
  const auto at = scan_time(in);
  in.literal(" GMT");
  if (!in.done()) return {};
  return assemble(year, month, day, at);
}

std::optional<std::chrono::sys_seconds> parse_rfc850(std::string_view text, std::chrono::sys_seconds now) {
  using namespace std::chrono;
  scanner in(text);
  in.one_of(long_days);
  in.literal(", ");
  const int day = in.digits(2);
  in.literal("-");
  const unsigned month = in.one_of(months);
  in.literal("-");
  const int short_year = in.digits(2);
  in.literal(" ");
  const auto at = scan_time(in);
  in.literal(" GMT");
  if (!in.done()) return {};
  const auto today = floor<std::chrono::days>(now);
  auto limit = year_month_day(today) + years(50);
  if (!limit.ok()) limit = limit.year() / limit.month() / last;  // from a 29 February
  const int this_year = static_cast<int>(year_month_day(today).year());
  int year = this_year - this_year % 100 + short_year;
  if (year + 50 < this_year) year += 100;
  auto found = assemble(year, month, day, at);
  if (found && *found > sys_days(limit) + (now - today)) found = assemble(year - 100, month, day, at);
  return found;
}

std::optional<std::chrono::sys_seconds> parse_asctime(std::string_view text) {
  scanner in(text);
  in.one_of(days);
  in.literal(" ");
  const unsigned month = in.one_of(months);
  in.literal(" ");
  const int day = in.padded_day();
  in.literal(" ");
  const auto at = scan_time(in);
  in.literal(" ");
  const int year = in.digits(4);
  if (!in.done()) return {};
  return assemble(year, month, day, at);
}

}  // namespace

std::string format_date(std::chrono::sys_seconds when) {
  using namespace std::chrono;
  const auto day = floor<std::chrono::days>(when);
  const year_month_day date(day);
  const hh_mm_ss at(when - day);
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", days[weekday(day).c_encoding()].data(),
      static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1].data(),
      static_cast<int>(date.year()), static_cast<int>(at.hours().count()),
      static_cast<int>(at.minutes().count()), static_cast<int>(at.seconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

std::optional<std::chrono::sys_seconds> parse_date(std::string_view text, std::chrono::sys_seconds now) {
  if (text.size() > 3 && text[3] == ',') return parse_imf(text);
  if (text.contains(',')) return parse_rfc850(text, now);
  return parse_asctime(text);
}

}  // namespace strata::http
