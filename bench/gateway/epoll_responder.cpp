#include "bench/gateway/responders.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

/// The Date field, made once a second: what any server would do.
std::string_view date() {
  static char text[64];
  static std::time_t made = 0;
  static std::size_t length = 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != made) {
    made = now.tv_sec;
    std::tm parts{};
    gmtime_r(&made, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text, length};
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

struct client {
  int socket = -1;
  std::size_t filled = 0;
  std::array<char, 8192> buffer;
};

int listen_on_loopback() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&at), size) != 0 || ::listen(socket, 1024) != 0)
    return -1;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
  std::printf("%u\n", static_cast<unsigned>(ntohs(at.sin_port)));
  std::fflush(stdout);
  return socket;
}

/// False if the client is gone.
bool serve(client& of, std::string_view body, std::string& out) {
  const auto got = ::read(of.socket, of.buffer.data() + of.filled, of.buffer.size() - of.filled);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  of.filled += static_cast<std::size_t>(got);
  std::size_t at = 0;
  out.clear();
  while (at < of.filled) {
    const auto request = parse_plain({of.buffer.data() + at, of.filled - at});
    if (request.length == 0) break;
    answer_plain(request, body, out);
    at += request.length;
  }
  std::memmove(of.buffer.data(), of.buffer.data() + at, of.filled - at);
  of.filled -= at;
  return out.empty() || ::write(of.socket, out.data(), out.size()) == static_cast<ssize_t>(out.size());
}

}  // namespace

plain_request parse_plain(std::string_view bytes) {
  plain_request found;
  auto rest = bytes;
  const auto next_line = [&]() -> const char* {
    return static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
  };
  const char* end = next_line();
  if (end == nullptr) return {};
  const auto first = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
  const auto space = first.find(' ');
  const auto second = first.find(' ', space + 1);
  found.target = first.substr(space + 1, second - space - 1);
  rest.remove_prefix(first.size() + 1);
  for (;;) {
    end = next_line();
    if (end == nullptr) return {};
    auto line = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
    rest.remove_prefix(line.size() + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (same_name(line.substr(0, colon), "if-none-match")) found.if_none_match = line.substr(colon + 2);
  }
  found.length = bytes.size() - rest.size();
  return found;
}

void answer_plain(const plain_request& to, std::string_view body, std::string& out) {
  const bool whole = to.if_none_match != entity_tag;
  out += whole ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 304 Not Modified\r\n";
  out += "Date: ";
  out += date();
  out += "\r\n";
  if (whole) {
    out += "Content-Type: application/json\r\nContent-Length: ";
    out += std::to_string(body.size());
    out += "\r\n";
  }
  out += "ETag: ";
  out += entity_tag;
  out += "\r\nCache-Control: private, max-age=300\r\n\r\n";
  if (whole) out += body;
}

int serve_epoll() {
  const auto body = document(0);
  const int listener = listen_on_loopback();
  if (listener < 0) return 1;
  const int epoll = ::epoll_create1(0);
  epoll_event wanted{.events = EPOLLIN, .data = {.ptr = nullptr}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
  std::vector<epoll_event> events(256);
  std::string out;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* known = static_cast<client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (known == nullptr) {
        const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (socket < 0) continue;
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        known = std::make_unique<client>().release();  // deleted when it goes
        known->socket = socket;
        wanted.data.ptr = known;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &wanted);
      } else if (!serve(*known, body, out)) {
        ::close(known->socket);
        delete known;
      }
    }
  }
}

}  // namespace bench
