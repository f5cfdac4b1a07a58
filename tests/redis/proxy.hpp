#pragma once
/// A TCP proxy on the loopback. A test lets it cut, delay or hold back what it forwards.
/// Threads: internally synchronised; forwards on a thread of its own.

#include "tests/redis/child.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace strata::test {

class proxy {
 public:
  explicit proxy(std::uint16_t to) : to_(to) {
    std::tie(listener_, port_) = listen_on();
    thread_ = std::thread([this] { run(); });
  }
  ~proxy() {
    stopping_ = true;
    thread_.join();
  }
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  std::uint16_t port() const { return port_; }

  /// Resets a client's connection after `bytes` more bytes to it, even within a reply.
  void cut_after(std::int64_t bytes) { left_ = bytes; }
  int cuts() const { return cuts_; }
  /// Delays all bytes to the client.
  void delay(std::chrono::milliseconds by) { delay_ = by.count(); }
  /// From now on it accepts connections and keeps them open, but forwards no byte, like a half-open link.
  void freeze(bool frozen = true) { frozen_ = frozen; }
  int connections() const { return connections_; }

 private:
  using clock = std::chrono::steady_clock;
  struct side {
    descriptor socket;
    std::deque<std::pair<clock::time_point, std::string>> to_send;
    bool ended = false;
  };
  struct pair {
    side client, server;
  };

  void run() {
    while (!stopping_) {
      std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}};
      if (!frozen_) {
        for (const auto& each : pairs_) {
          watched.push_back({each.client.socket.get(), POLLIN, 0});
          watched.push_back({each.server.socket.get(), POLLIN, 0});
        }
      }
      ::poll(watched.data(), watched.size(), 1);
      if ((watched[0].revents & POLLIN) != 0) take();
      if (frozen_) continue;
      for (auto at = pairs_.begin(); at != pairs_.end();) {
        forward(at->client, at->server, false);
        forward(at->server, at->client, true);
        at = at->client.ended || at->server.ended ? pairs_.erase(at) : std::next(at);
      }
    }
  }

  void take() {
    pair made;
    made.client.socket = descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    made.server.socket = descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto to = loopback(to_);
    ++connections_;
    if (::connect(made.server.socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
      pairs_.push_back(std::move(made));
    }
  }

  void forward(side& from, side& to, bool counted) {
    char piece[65536];
    const auto got = ::recv(from.socket.get(), piece, sizeof piece, MSG_DONTWAIT);
    if (got == 0) from.ended = true;
    if (got > 0) {
      const auto wait = std::chrono::milliseconds(counted ? delay_.load() : 0);
      to.to_send.emplace_back(clock::now() + wait, std::string(piece, static_cast<std::size_t>(got)));
    }
    while (!to.to_send.empty() && to.to_send.front().first <= clock::now()) {
      auto& bytes = to.to_send.front().second;
      // The limit is read once: bytes sent while a test sets another limit must not count against that one.
      const std::int64_t limit = counted ? left_.load() : never;
      const auto allowed = std::min<std::int64_t>(limit, static_cast<std::int64_t>(bytes.size()));
      const auto sent = ::send(to.socket.get(), bytes.data(), static_cast<std::size_t>(allowed),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return;
      if (limit != never) left_ -= sent;
      bytes.erase(0, static_cast<std::size_t>(sent));
      if (limit == sent) {
        left_ = never;  // once
        ++cuts_;
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(to.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        to.ended = true;
        return;
      }
      if (!bytes.empty()) return;
      to.to_send.pop_front();
    }
  }

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  const std::uint16_t to_;
  descriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::int64_t> left_ = never;
  std::atomic<std::int64_t> delay_ = 0;
  std::atomic<bool> frozen_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int> cuts_ = 0;
  std::list<pair> pairs_;
  std::thread thread_;
};

}  // namespace strata::test
