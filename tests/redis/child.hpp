#pragma once
/// A program that a test starts and ends by its pid, and spare ports on the loopback.
/// Threads: each object by one; a child also ends when the thread that started it does.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::test {

/// A descriptor that is closed with its owner.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

/// A socket that listens on 127.0.0.1, and its port. Port 0 takes a spare one.
inline std::pair<descriptor, std::uint16_t> listen_on(std::uint16_t port = 0) {
  descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  auto at = loopback(port);
  socklen_t size = sizeof at;
  if (made.get() < 0 || ::bind(made.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 ||
      ::listen(made.get(), 128) != 0 ||
      ::getsockname(made.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(port));
  }
  return {std::move(made), ntohs(at.sin_port)};
}

/// A port on which nothing listens now. It is below the range of outgoing connections, so that none of them
/// takes it before its server does.
inline std::uint16_t spare_port() {
  // Consecutive processes begin far apart: while a test has killed its server, no other test may take the
  // port.
  static const int start = static_cast<int>(static_cast<std::uint32_t>(::getpid()) * 2'654'435'761u % 18'000);
  static int next = 0;
  for (int tries = 0; tries < 10'000; ++tries) {
    const int port = 12'000 + (start + next++) % 18'000;
    descriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto at = loopback(static_cast<std::uint16_t>(port));
    if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
      return static_cast<std::uint16_t>(port);
    }
  }
  throw std::runtime_error("no port is spare");
}

class child {
 public:
  /// Starts the program `words`, which PATH finds, in `folder`. Its output goes to `log`.
  child(std::vector<std::string> words, const std::string& folder, const std::string& log) {
    std::vector<char*> arguments;
    for (auto& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing outlives a test that crashes
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) ::_exit(126);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  child(child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  child& operator=(child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~child() { end(SIGKILL); }

  pid_t pid() const { return pid_; }
  void signal(int which) const {
    if (pid_ > 0) ::kill(pid_, which);
  }
  /// Sends the signal `how` and waits until the process has ended. Idempotent.
  void end(int how) {
    if (pid_ <= 0) return;
    ::kill(pid_, how);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  /// Waits until the process ends by itself, and returns its status.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool has_ended() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ <= 0;
  }

 private:
  pid_t pid_ = -1;
};

/// The lines of a child's log so far.
inline std::vector<std::string> lines_of(const std::string& log) {
  std::vector<std::string> lines;
  std::ifstream from(log);
  for (std::string line; std::getline(from, line);) lines.push_back(line);
  return lines;
}

/// Runs the program `words` to its end. Throws, and names `log`, if its status is not 0.
inline void run_to_end(std::vector<std::string> words, const std::string& folder, const std::string& log) {
  const auto name = words.front();
  if (child(std::move(words), folder, log).wait() != 0)
    throw std::runtime_error(name + " failed, see " + log);
}

/// Calls `done` every millisecond until it returns true. Returns false if `patience` ends first.
template <class Done>
bool eventually(Done done, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace strata::test
