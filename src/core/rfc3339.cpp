#include <strata/rfc3339.hpp>
#include <strata/time.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace strata {

namespace {

// Takes fixed pieces from the front of a text. After one wrong piece, all are wrong.
class pieces {
 public:
  explicit pieces(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        good_ = false;
        return 0;
      }
      out = out * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return out;
  }
  bool skip(char wanted) {
    const bool there = !rest_.empty() && (rest_.front() | 0x20) == (wanted | 0x20);
    if (there) rest_.remove_prefix(1);
    return there;
  }
  void need(char wanted) { good_ = skip(wanted) && good_; }
  bool has_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  void refuse_unless(bool sound) { good_ = good_ && sound; }
  bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<wall_time> parse_rfc3339(std::string_view text) noexcept {
  using namespace std::chrono;
  pieces in(text);
  const auto y = in.digits(4);
  in.need('-');
  const auto m = in.digits(2);
  in.need('-');
  const auto d = in.digits(2);
  in.need('T');
  const auto hour = in.digits(2);
  in.need(':');
  const auto minute = in.digits(2);
  in.need(':');
  const auto second = in.digits(2);
  int milliseconds = 0;
  if (in.skip('.')) {
    in.refuse_unless(in.has_digit());
    for (int scale = 100; in.has_digit(); scale /= 10) milliseconds += scale * in.digits(1);
  }
  auto offset = minutes(0);
  if (!in.skip('Z')) {
    const bool east = in.skip('+');
    if (!east) in.need('-');
    const auto hours_off = in.digits(2);
    in.need(':');
    const auto minutes_off = in.digits(2);
    in.refuse_unless(hours_off < 24 && minutes_off < 60);
    offset = minutes((hours_off * 60 + minutes_off) * (east ? 1 : -1));
  }
  const auto date = year(y) / month(static_cast<unsigned>(m)) / day(static_cast<unsigned>(d));
  in.refuse_unless(date.ok() && hour < 24 && minute < 60 && second < 61);
  if (!in.finished()) return {};
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(std::min(second, 59)) +
         std::chrono::milliseconds(milliseconds) - offset;
}

std::string rfc3339(wall_time when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(when - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace strata
