#pragma once
/// A real Redis Sentinel for a test, on a given port and in a folder of its own.
/// Threads: each object by one.

#include "tests/redis/server.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace strata::test {

struct sentinel_setup {
  std::uint16_t port = 0;
  std::uint16_t tls_port = 0;      ///< 0: none
  std::vector<std::string> lines;  ///< of its configuration
};

class sentinel_process {
 public:
  explicit sentinel_process(const sentinel_setup& with) : port_(with.port), tls_port_(with.tls_port) {
    std::ofstream config(folder_.file("sentinel.conf"));
    config << "port " << port_ << "\nbind 127.0.0.1\nprotected-mode no\ndir " << folder_.file(".") << '\n';
    if (tls_port_ != 0) config << "tls-port " << tls_port_ << '\n';
    for (const auto& each : with.lines) config << each << '\n';
    config.close();
    launch();
  }

  /// Starts it again from the configuration that it had saved, and waits until it answers. Requires: killed.
  void start() {
    launch();
    wait_until_there();
  }
  void kill() { process_->end(SIGKILL); }

  /// Waits until it answers, and shortens its periods of one and ten seconds. The period of its announcements
  /// stays: it accepts a promoted replica after four of them. It never enters TILT, which a busy machine
  /// would cause.
  void wait_until_there() {
    const bool there = eventually([&] { return process_->has_ended() || answers(); });
    if (!there || process_->has_ended()) throw std::runtime_error("the sentinel does not start: " + log());
    const auto done = call({"SENTINEL", "DEBUG", "INFO-PERIOD", "500", "PING-PERIOD", "100", "ASK-PERIOD",
                            "100", "TILT-TRIGGER", "3600000", "ELECTION-TIMEOUT", "2000",
                            "MIN-LINK-RECONNECT-PERIOD", "200", "SLAVE-RECONF-TIMEOUT", "2000"});
    if (!done.is_ok()) throw std::runtime_error("SENTINEL DEBUG: " + resp::to_text(done));
  }

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  resp::value call(const std::vector<std::string>& words) const {
    return plain_connection(port_).call(words);
  }
  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(folder_.file("sentinel.log")).rdbuf();
    return text.str();
  }

 private:
  void launch() {
    process_.emplace(std::vector<std::string>{"redis-server", "sentinel.conf", "--sentinel"},
                     folder_.file("."), folder_.file("sentinel.log"));
  }
  bool answers() const {
    try {
      return !call({"PING"}).is_error();
    } catch (const std::exception&) {
      return false;
    }
  }

  temporary_folder folder_;
  std::uint16_t port_;
  std::uint16_t tls_port_;
  std::optional<child> process_;
};

}  // namespace strata::test
