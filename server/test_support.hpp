#pragma once
/// A client for the server's tests that sends any bytes, valid or not, over a real socket.
/// Threads: one.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace strata::server::testing {

struct answer {
  int status = 0;
  std::string head;  ///< status line and fields
  std::string body;

  /// The first value of a field; empty if there is none.
  std::string field(std::string_view name) const {
    std::string wanted("\n");
    wanted.append(name).append(": ");
    const auto at = head.find(wanted);
    if (at == std::string::npos) return {};
    const auto start = at + wanted.size();
    return head.substr(start, head.find('\r', start) - start);
  }
};

class client {
 public:
  /// `from`: the last byte of its own address, 127.0.0.x.
  explicit client(std::uint16_t port, unsigned from = 1) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~client() { close(); }
  client(client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        rest_(std::move(other.rest_)) {}
  client& operator=(client&&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next response; status 0 if the connection ends, or nothing arrives in ten seconds.
  /// `bodiless`: it responds to a HEAD.
  answer receive(bool bodiless = false) {
    answer got;
    std::size_t end = 0;
    while ((end = rest_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return got;
    }
    got.head = rest_.substr(0, end + 2);
    rest_.erase(0, end + 4);
    const int status = std::stoi(got.head.substr(9, 3));
    const auto length_text = got.field("Content-Length");
    const auto length = length_text.empty() || bodiless ? 0 : std::stoul(length_text);
    while (rest_.size() < length) {
      if (!more()) return got;
    }
    got.body = rest_.substr(0, length);
    rest_.erase(0, length);
    got.status = status;
    return got;
  }

  /// Sends a plain GET and returns its answer.
  answer get(std::string_view target, std::string_view fields = {}) {
    std::string text("GET ");
    text.append(target).append(" HTTP/1.1\r\nHost: test\r\n").append(fields).append("\r\n");
    send(text);
    return receive();
  }

  /// Waits for `text` and takes all bytes up to its end into `all`. Returns false if the connection ends, or
  /// nothing arrives in ten seconds.
  bool receive_until(std::string_view text, std::string* all = nullptr) {
    std::size_t at = 0;
    while ((at = rest_.find(text)) == std::string::npos) {
      if (!more()) return false;
    }
    if (all != nullptr) *all = rest_.substr(0, at + text.size());
    rest_.erase(0, at + text.size());
    return true;
  }

  /// True if the server closes, whether or not it sends more first.
  bool ends() {
    while (more()) {
    }
    return ended_;
  }

 private:
  bool more() {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, 10'000) <= 0) return false;
    char piece[65536];
    const auto got = ::recv(socket_, piece, sizeof piece, 0);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    rest_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool ended_ = false;
  std::string rest_;
};

}  // namespace strata::server::testing
