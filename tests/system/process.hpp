#pragma once
/// Runs the program as a test does: in its own folder, and ends it by its pid.
/// Threads: one for each object.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::system_test {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// The time after which a test gives up: far longer than needed, for a busy machine and a sanitizer.
inline constexpr auto patience = 60s;

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// A folder that is deleted after the test.
class temp_folder {
 public:
  temp_folder() {
    char pattern[] = "/tmp/strata-system-XXXXXX";
    if (mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;

  std::string file(const std::string& name) const { return path_ + '/' + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using variables = std::vector<std::pair<std::string, std::string>>;

/// A started program. Its output goes to files in `folder`, so that it never waits for a reader, except that
/// stderr goes to `error_file` if one is given.
class process {
 public:
  process(const temp_folder& folder, const std::vector<std::string>& arguments,
          const variables& environment = {}, const std::string& input_file = "/dev/null",
          const std::string& error_file = {})
      : out_(folder.file("stdout-" + std::to_string(++started_))),
        err_(error_file.empty() ? folder.file("stderr-" + std::to_string(started_)) : error_file) {
    std::vector<std::string> words{STRATA_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& each : words) argv.push_back(each.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
      redirect(input_file, O_RDONLY, STDIN_FILENO);
      redirect(out_, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
      redirect(err_, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
      if (::chdir(folder.path().c_str()) != 0) ::_exit(126);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }

  ~process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int which) const { ::kill(pid_, which); }

  /// The exit status; 128 + n if signal n ended it. Throws if it takes too long.
  int wait() {
    for (const auto deadline = clock::now() + patience; clock::now() < deadline;
         std::this_thread::sleep_for(1ms)) {
      if (const auto status = ended()) return *status;
    }
    throw std::runtime_error("the program does not end; stderr: " + err());
  }

  std::optional<int> ended() {
    if (pid_ <= 0) return status_;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_;
  }

  /// Waits for a line of stdout that begins with `beginning`. Throws if the program ends first.
  std::string wait_for_line(const std::string& beginning) {
    for (const auto deadline = clock::now() + patience; clock::now() < deadline;
         std::this_thread::sleep_for(500us)) {
      std::istringstream lines(out());
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(beginning) && !lines.eof()) return line;
      }
      if (ended())
        throw std::runtime_error("the program ended before \"" + beginning + "\"; stderr: " + err());
    }
    throw std::runtime_error("no line begins with \"" + beginning + "\"; stderr: " + err());
  }

  std::string out() const { return read_file(out_); }
  std::string err() const { return read_file(err_); }

 private:
  static void redirect(const std::string& file, int flags, int to) {
    const int fd = ::open(file.c_str(), flags, 0600);
    if (fd < 0 || ::dup2(fd, to) < 0) ::_exit(126);
  }

  static inline int started_ = 0;
  std::string out_;
  std::string err_;
  pid_t pid_ = -1;
  int status_ = -1;
};

struct finished {
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs the program to its end.
inline finished run(const temp_folder& folder, const std::vector<std::string>& arguments,
                    const variables& environment = {}, const std::string& input_file = "/dev/null") {
  process running(folder, arguments, environment, input_file);
  const int status = running.wait();
  return {status, running.out(), running.err()};
}

}  // namespace strata::system_test
