#pragma once
/// What an attack does to a gateway: its processor time and memory, and the answers of another client.
/// Threads: one for each object; `bystander` has a thread of its own.

#include "server/test_support.hpp"
#include "tests/system/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace strata::attack {

using server::testing::client;
using system_test::gateway;
using namespace std::chrono_literals;

inline std::string proc_file(const gateway& of, const char* name) {
  return system_test::read_file("/proc/" + std::to_string(const_cast<gateway&>(of).program().pid()) + '/' +
                                name);
}

/// The processor seconds of all threads of the gateway since its start.
inline double processor_seconds(const gateway& of) {
  const auto text = proc_file(of, "stat");
  std::istringstream words(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int i = 3; i <= 15 && words >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);  // user and system
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// The memory of the gateway that is in use now.
inline double resident_mib(const gateway& of) {
  std::istringstream lines(proc_file(of, "status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

/// A client that reads the marketplace all the time, over new connections and kept ones.
class bystander {
 public:
  explicit bystander(std::uint16_t port) : thread_([this, port] { run(port); }) {}
  ~bystander() { stop(); }
  bystander(const bystander&) = delete;
  bystander& operator=(const bystander&) = delete;

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  double slowest() const { return slowest_; }
  double failed() const { return failed_; }
  double hit_share() const { return answers_ == 0 ? 0 : hits_ / answers_; }

 private:
  void run(std::uint16_t port) {
    while (!stop_) {
      client reader(port);
      for (int i = 0; i < 20 && !stop_; ++i) {
        const auto begun = system_test::clock::now();
        const auto got = reader.get("/marketplace/listings");
        const std::chrono::duration<double> took = system_test::clock::now() - begun;
        slowest_ = std::max(slowest_, took.count());
        ++answers_;
        if (got.status != 200) ++failed_;
        if (got.field("Cache-Status").find("hit") != std::string::npos) ++hits_;
        if (got.status == 0) break;
        std::this_thread::sleep_for(2ms);
      }
    }
  }

  std::atomic<bool> stop_ = false;
  double slowest_ = 0, failed_ = 0, answers_ = 0, hits_ = 0;
  std::thread thread_;
};

}  // namespace strata::attack
