#pragma once
/// The readable log of a simulation. Costs nothing unless enabled.
/// Threads: one.

#include "tests/simulator/schedule.hpp"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace strata::simulator {

inline constexpr unsigned every_key = ~0u;
inline constexpr unsigned no_process = ~0u;

struct event_line {
  step_number step;
  unsigned process;
  unsigned key;  ///< every_key: concerns all keys
  std::string text;
};

class event_log {
 public:
  event_log(bool wanted, const step_number& step, const clock& time)
      : wanted_(wanted), step_(step), time_(time), began_(time.now()) {}

  template <class... T>
  void note(unsigned process, unsigned key, fmt::format_string<T...> format, T&&... values) {
    if (!wanted_) return;
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(time_.now() - began_);
    auto who = process == no_process ? std::string("--") : fmt::format("p{}", process);
    lines_.push_back({step_, process, key,
                      fmt::format("{:>6} {:>8}ms {} {}", step_, at.count(), who,
                                  fmt::format(format, std::forward<T>(values)...))});
  }

  const std::vector<event_line>& lines() const noexcept { return lines_; }

 private:
  bool wanted_;
  const step_number& step_;
  const clock& time_;
  time_point began_;
  std::vector<event_line> lines_;
};

}  // namespace strata::simulator
