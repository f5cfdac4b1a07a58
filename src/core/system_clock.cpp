#include <strata/time.hpp>

#include <ctime>

namespace strata {

namespace {

class machine_clock final : public clock {
 public:
  time_point now() const noexcept override { return time_point(read(CLOCK_MONOTONIC)); }
  time_point coarse_now() const noexcept override { return time_point(read(CLOCK_MONOTONIC_COARSE)); }
  wall_time wall() const noexcept override {
    return wall_time(std::chrono::duration_cast<std::chrono::milliseconds>(read(CLOCK_REALTIME)));
  }

 private:
  static duration read(clockid_t id) noexcept {
    timespec at{};
    clock_gettime(id, &at);
    return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
  }
};

}  // namespace

const clock& system_clock() noexcept {
  static const machine_clock instance;
  return instance;
}

}  // namespace strata
