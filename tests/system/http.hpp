#pragma once
/// HTTP over a raw socket, so that a test can also send bytes that are not HTTP.
/// Threads: one for each connection.

#include "tests/system/process.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace strata::system_test {

struct answer {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

using field_list = std::vector<std::pair<std::string, std::string>>;

class connection {
 public:
  explicit connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      ::close(fd_);
      throw std::runtime_error("cannot connect to port " + std::to_string(port));
    }
  }
  ~connection() { ::close(fd_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// False if the other side has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void shut_write() const { ::shutdown(fd_, SHUT_WR); }

  /// Waits until the other side closes and drops the bytes before. Returns false if it does not.
  bool closed_within(std::chrono::milliseconds time) {
    const auto deadline = clock::now() + time;
    while (wait_readable(deadline)) {
      char buffer[4096];
      if (::recv(fd_, buffer, sizeof buffer, 0) <= 0) return true;
    }
    return false;
  }

  /// The next response; nothing if the connection ends before it begins.
  std::optional<answer> receive(bool has_body = true) {
    const auto deadline = clock::now() + patience;
    std::size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!more(deadline)) {
        if (in_.empty()) return std::nullopt;
        throw std::runtime_error("the answer's head is cut off: " + in_);
      }
    }
    answer out = parse_head(in_.substr(0, end));
    in_.erase(0, end + 4);
    if (out.status >= 100 && out.status < 200) return receive(has_body);  // 100 Continue
    if (!has_body || out.status == 204 || out.status == 304) return out;
    if (out.field("transfer-encoding") == "chunked") {  // from an edge: the gateway itself sends lengths
      out.body = receive_chunks();
      return out;
    }
    const auto length = std::stoul(out.field("content-length"));
    while (in_.size() < length) {
      if (!more(deadline)) throw std::runtime_error("the answer's body is cut off");
    }
    out.body = in_.substr(0, length);
    in_.erase(0, length);
    return out;
  }

  /// Waits for `text` and returns all bytes up to its end.
  std::string receive_until(std::string_view text) {
    const auto deadline = clock::now() + patience;
    std::size_t at = 0;
    while ((at = in_.find(text)) == std::string::npos) {
      if (!more(deadline)) throw std::runtime_error("the connection ended; received so far: " + in_);
    }
    auto taken = in_.substr(0, at + text.size());
    in_.erase(0, taken.size());
    return taken;
  }

  answer ask(const std::string& method, const std::string& target, const field_list& fields = {},
             const std::string& body = {}) {
    std::string text = method + ' ' + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    for (const auto& [name, value] : fields) text += name + ": " + value + "\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    send(text + "\r\n" + body);
    auto received = receive(method != "HEAD");
    if (!received) throw std::runtime_error("no answer to " + method + ' ' + target);
    return std::move(*received);
  }

 private:
  std::string receive_chunks() {
    std::string body;
    for (;;) {
      const auto size = std::stoul(receive_until("\r\n"), nullptr, 16);
      const auto deadline = clock::now() + patience;
      while (in_.size() < size + 2) {
        if (!more(deadline)) throw std::runtime_error("the answer's body is cut off");
      }
      body += in_.substr(0, size);
      in_.erase(0, size + 2);
      if (size == 0) return body;
    }
  }

  bool wait_readable(clock::time_point deadline) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd on{.fd = fd_, .events = POLLIN, .revents = 0};
    return left > 0 && ::poll(&on, 1, static_cast<int>(left)) > 0;
  }

  bool more(clock::time_point deadline) {
    if (!wait_readable(deadline)) throw std::runtime_error("no answer in time; received so far: " + in_);
    char buffer[65536];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    in_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  static answer parse_head(const std::string& head) {
    std::istringstream lines(head);
    std::string line;
    std::getline(lines, line);
    answer out;
    if (!line.starts_with("HTTP/1.1 ")) throw std::runtime_error("this is no HTTP/1.1: " + line);
    out.status = std::stoi(line.substr(9, 3));
    while (std::getline(lines, line)) {
      if (line.ends_with('\r')) line.pop_back();
      const auto colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (char& each : name) {
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + 32);
      }
      const auto value = line.find_first_not_of(' ', colon + 1);
      out.fields[name] = value == std::string::npos ? "" : line.substr(value);
    }
    return out;
  }

  int fd_;
  std::string in_;
};

/// One request on a connection of its own.
inline answer ask(std::uint16_t port, const std::string& method, const std::string& target,
                  const field_list& fields = {}, const std::string& body = {}) {
  return connection(port).ask(method, target, fields, body);
}

}  // namespace strata::system_test
