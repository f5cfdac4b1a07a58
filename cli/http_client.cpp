#include "cli/http_client.hpp"

#include "gateway/endpoint.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

namespace strata::cli {

namespace {

constexpr std::size_t largest_answer = 64u << 20;
using clock = std::chrono::steady_clock;

class socket_handle {
 public:
  explicit socket_handle(int fd) : fd_(fd) {}
  ~socket_handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<error> no_answer(const http_call& what, int reason) {
  return fail(
      errc::store_unavailable,
      fmt::format(
          "no gateway answers at {}: {}; is strata serve running, and is this its admin listener (--admin)?",
          what.address, std::strerror(reason)));
}

/// Waits until the socket is ready for `events`. Returns false at `deadline`.
bool wait(int fd, short events, clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
  pollfd poll_on{.fd = fd, .events = events, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&poll_on, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/// Connects `fd`, which does not block. Returns 0 or an errno.
int connect_within(int fd, const addrinfo& to, clock::time_point deadline) {
  if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait(fd, POLLOUT, deadline)) return ETIMEDOUT;
  int status = 0;
  socklen_t size = sizeof status;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size) != 0) return errno;
  return status;
}

result<std::unique_ptr<socket_handle>> connect(const http_call& what, clock::time_point deadline) {
  const auto to = gateway::parse_endpoint(what.address);
  if (!to) return std::unexpected(to.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(to->host.c_str(), std::to_string(to->port).c_str(), &hints, &found) != 0) {
    return no_answer(what, EADDRNOTAVAIL);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  int reason = EADDRNOTAVAIL;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    auto socket = std::make_unique<socket_handle>(
        ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol));
    if (socket->get() < 0) {
      reason = errno;
      continue;
    }
    reason = connect_within(socket->get(), *each, deadline);
    if (reason == 0) return socket;
  }
  return no_answer(what, reason);
}

std::string request_text(const http_call& what) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: */*\r\n",
                                what.method, what.target, what.address);
  if (!what.token.empty()) out += fmt::format("Authorization: Bearer {}\r\n", what.token);
  if (!what.json.empty()) {
    out += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", what.json.size());
  }
  return out + "\r\n" + what.json;
}

std::unexpected<error> too_slow(const http_call& what) {
  return fail(errc::timeout, fmt::format("{} did not answer in time", what.address));
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The value of `name` among the lines of `head`.
std::optional<std::string_view> field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), name)) continue;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return std::nullopt;
}

}  // namespace

result<http_answer> call(const http_call& what) {
  const auto deadline = clock::now() + what.timeout;
  auto connected = connect(what, deadline);
  if (!connected) return std::unexpected(connected.error());
  const int fd = (*connected)->get();

  const std::string out = request_text(what);
  for (std::size_t sent = 0; sent < out.size();) {
    if (!wait(fd, POLLOUT, deadline)) return too_slow(what);
    const auto n = ::send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno != EAGAIN && errno != EINTR) {
      return no_answer(what, errno);
    }
  }
  std::string in;
  while (true) {  // ends with the connection, the deadline or the limit
    if (!wait(fd, POLLIN, deadline)) return too_slow(what);
    char buffer[16384];
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) break;
    if (n > 0) {
      in.append(buffer, static_cast<std::size_t>(n));
      if (in.size() > largest_answer) return fail(errc::too_large, "the response is larger than 64 MiB");
    } else if (errno != EAGAIN && errno != EINTR) {
      return no_answer(what, errno);
    }
  }
  return parse_answer(in);
}

result<http_answer> parse_answer(std::string_view received) {
  const auto refuse = [](std::string_view why) {
    return fail(errc::store_unavailable, fmt::format("the server at that address is not a gateway: {}", why));
  };
  const auto end_of_head = received.find("\r\n\r\n");
  if (!received.starts_with("HTTP/1.1 ") || end_of_head == std::string_view::npos)
    return refuse("it does not speak HTTP/1.1");
  http_answer out;
  const auto code = received.substr(9, 3);
  if (std::from_chars(code.data(), code.data() + code.size(), out.status).ptr != code.data() + 3) {
    return refuse("it has no status");
  }
  const auto head = received.substr(0, end_of_head + 2);
  auto body = received.substr(end_of_head + 4);
  if (field(head, "Transfer-Encoding")) return refuse("its transfer coding is unknown");
  if (const auto length = field(head, "Content-Length")) {
    std::size_t expected = 0;
    std::from_chars(length->data(), length->data() + length->size(), expected);
    if (body.size() != expected) return refuse("its response was cut off");
  }
  out.body = body;
  return out;
}

std::string encode_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~:").contains(c);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace strata::cli
