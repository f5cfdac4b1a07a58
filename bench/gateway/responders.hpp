#pragma once
/// The servers that the gateway is compared with, and what they all serve. Each is a process of
/// its own: `gateway_bench --serve NAME` prints its port and serves until it is ended.

#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

inline constexpr int documents = 10'000;
inline constexpr std::string_view entity_tag = "\"7-9f86d081884c7d65\"";

/// "agt_000042000000": as long as the platform's ids.
std::string document_id(int number);

/// The JSON of one agent, 1.2 KB.
std::string document(int number);

/// The bound: level-triggered epoll, one buffer, no routing; knows its one answer beforehand.
int serve_epoll();
/// The same parser and answer on Asio's sockets and event loop: a bare responder.
int serve_asio();
/// strata::server with the documents rendered beforehand: what the gateway can reach at best.
int serve_strata();

/// What both bare responders do with a request: look at every field, find If-None-Match.
struct plain_request {
  std::string_view target;
  std::string_view if_none_match;
  std::size_t length = 0;  ///< 0: incomplete
};
plain_request parse_plain(std::string_view bytes);

/// Appends the whole answer.
void answer_plain(const plain_request& to, std::string_view body, std::string& out);

}  // namespace bench
