#pragma once
/// A small HTTP server that stands for an edge: it records every request and answers as a test says.
/// Threads: internally locked; a thread for each connection.

#include "tests/redis/child.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace strata::test {

struct recorded_request {
  std::string method;
  std::string target;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

struct recorded_answer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields = {};
};

class recorder {
 public:
  using answering = std::function<recorded_answer(const recorded_request&)>;

  explicit recorder(answering answers, std::uint16_t port = 0) : answers_(std::move(answers)) {
    auto [listening, at] = listen_on(port);
    listening_ = std::move(listening);
    port_ = at;
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~recorder() {
    stopping_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    accepting_.join();
    {
      const std::lock_guard lock(mutex_);
      for (auto& each : open_) ::shutdown(each.first.get(), SHUT_RDWR);
    }
    for (auto& each : open_) each.second.join();
  }
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::vector<recorded_request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  recorded_request last() const {
    const std::lock_guard lock(mutex_);
    if (requests_.empty()) throw std::runtime_error("the edge was not called");
    return requests_.back();
  }

 private:
  void accept_all() {
    while (!stopping_) {
      descriptor one(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (one.get() < 0) continue;
      const int fd = one.get();
      const std::lock_guard lock(mutex_);
      open_.emplace_back(std::move(one), std::thread([this, fd] { serve(fd); }));
    }
  }

  void serve(int fd) {
    std::string in;
    while (auto request = read(fd, in)) {
      recorded_answer answer;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
        answer = answers_(*request);
      }
      std::string out = "HTTP/1.1 " + std::to_string(answer.status) +
                        " Said\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
      for (const auto& [name, value] : answer.fields) out += name + ": " + value + "\r\n";
      out += "\r\n" + answer.body;
      if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  static bool more(int fd, std::string& in) {
    char buffer[65536];
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    in.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  static std::optional<recorded_request> read(int fd, std::string& in) {
    std::size_t end = 0;
    while ((end = in.find("\r\n\r\n")) == std::string::npos) {
      if (!more(fd, in)) return {};
    }
    recorded_request out;
    std::string_view head(in.data(), end);
    const auto first = head.substr(0, head.find("\r\n"));
    const auto space = first.find(' ');
    out.method = first.substr(0, space);
    out.target = first.substr(space + 1, first.rfind(' ') - space - 1);
    for (auto at = head.find("\r\n"); at != std::string_view::npos;) {
      const auto next = head.find("\r\n", at + 2);
      const auto line = head.substr(at + 2, next == std::string_view::npos ? next : next - at - 2);
      const auto colon = line.find(':');
      std::string name(line.substr(0, colon));
      for (char& each : name) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
      auto value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      out.fields[name] = value;
      at = next;
    }
    in.erase(0, end + 4);
    const auto length = out.field("content-length");
    const std::size_t size = length.empty() ? 0 : std::stoul(length);
    while (in.size() < size) {
      if (!more(fd, in)) return {};
    }
    out.body = in.substr(0, size);
    in.erase(0, size);
    return out;
  }

  answering answers_;
  descriptor listening_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<recorded_request> requests_;
  std::list<std::pair<descriptor, std::thread>> open_;
  std::thread accepting_;
};

}  // namespace strata::test
