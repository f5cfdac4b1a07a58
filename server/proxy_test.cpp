#include "server/test_support.hpp"

#include <server/server.hpp>
#include <strata/error.hpp>

#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace strata::server {
namespace {

using namespace std::chrono_literals;
using testing::client;

/// A server whose one page shows the client's address.
struct behind_proxies {
  std::mutex mutex;
  std::vector<std::string> counted;  ///< refused requests, by address
  std::size_t free = 1000;           ///< so many are not too many
  server it;

  explicit behind_proxies(server_options options) : it(with_hook(std::move(options)), routes()) {
    it.start();
  }

  server_options with_hook(server_options options) {
    options.threads = 1;
    options.count_refused = [this](std::string_view peer, const request*) {
      const std::lock_guard lock(mutex);
      counted.emplace_back(peer);
      const bool exceeded = counted.size() > free;
      return std::optional(rate_limit_state{.policy = "address", .retry_after = 7s, .exceeded = exceeded});
    };
    return options;
  }
  static router routes() {
    router out;
    out.group().get("/peer", [](request& from) -> task<response> {
      return json(200, '"' + std::string(from.peer()) + '"');
    });
    return out;
  }
  client connect(unsigned from = 1) const { return client(it.port(), from); }
};

TEST(ServerBehindProxies, SeesTheClientThatATrustedProxyReports) {
  behind_proxies at({.trusted_proxies = {"127.0.0.0/30"}});
  auto proxy = at.connect();
  EXPECT_EQ(proxy.get("/peer", "X-Forwarded-For: 192.0.2.7\r\n").body, "\"192.0.2.7\"");
  EXPECT_EQ(proxy.get("/peer", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.8\r\n").body,
            "\"192.0.2.8\"")
      << "the next request is another client's";
  EXPECT_EQ(proxy.get("/peer", "Forwarded: for=\"[2001:db8::7]:80\"\r\n").body, "\"2001:db8::7\"");
  EXPECT_EQ(proxy.get("/peer", "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 192.0.2.7\r\n").body,
            "\"127.0.0.1\"");
  EXPECT_EQ(proxy.get("/peer").body, "\"127.0.0.1\"");
  auto stranger = at.connect(9);
  EXPECT_EQ(stranger.get("/peer", "X-Forwarded-For: 192.0.2.7\r\n").body, "\"127.0.0.9\"");
}

TEST(ServerBehindProxies, BelievesNoFieldWithoutTrustedProxies) {
  behind_proxies at({});
  EXPECT_EQ(at.connect().get("/peer", "X-Forwarded-For: 192.0.2.7\r\n").body, "\"127.0.0.1\"");
}

TEST(ServerBehindProxies, ReadsTheFieldThatTheProxySets) {
  behind_proxies at({.trusted_proxies = {"127.0.0.1"}, .client_from = client_source::forwarded});
  EXPECT_EQ(at.connect().get("/peer", "Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 1.1.1.1\r\n").body,
            "\"192.0.2.7\"");
}

TEST(ServerBehindProxies, ReadsTheProxyProtocolBeforeTheFirstRequest) {
  behind_proxies at({.trusted_proxies = {"127.0.0.1"}, .client_from = client_source::proxy_protocol});
  auto one = at.connect();
  one.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(one.receive().body, "\"192.0.2.7\"");
  EXPECT_EQ(one.get("/peer", "X-Forwarded-For: 1.1.1.1\r\n").body, "\"192.0.2.7\"");

  auto two = at.connect();
  const std::string header{"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\x0a\0\0\x01\x12\x67\x01\xbb",
                           28};
  two.send(header.substr(0, 5));
  two.send(header.substr(5));
  EXPECT_EQ(two.get("/peer").body, "\"192.0.2.9\"");

  auto without = at.connect();
  without.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(without.ends()) << "a proxy that should send the header and does not";
  EXPECT_EQ(at.connect(9).get("/peer").body, "\"127.0.0.9\"") << "others are not asked for it";
  auto forged = at.connect(9);
  forged.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(forged.receive().status, 400);
}

TEST(ServerBehindProxies, AProxyMayHaveMoreConnectionsThanOneClient) {
  behind_proxies at(
      {.max_connections = 10, .max_connections_per_address = 2, .trusted_proxies = {"127.0.0.1"}});
  std::vector<client> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(at.connect());
    EXPECT_EQ(many.back().get("/peer").status, 200);
  }
  EXPECT_EQ(at.it.stats().connections_open, 5u);
}

TEST(ServerBehindProxies, CountsRefusedRequestsByTheClientsAddress) {
  behind_proxies at({.trusted_proxies = {"127.0.0.1"}});
  at.free = 3;
  auto proxy = at.connect();
  EXPECT_EQ(proxy.get("/peer", "X-Forwarded-For: 192.0.2.7\r\n").status, 200) << "not refused, not counted";
  EXPECT_EQ(proxy.get("/nowhere", "X-Forwarded-For: 192.0.2.7\r\n").status, 404);
  proxy.send("DELETE /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.8\r\n\r\n");
  EXPECT_EQ(proxy.receive().status, 405);
  EXPECT_EQ(proxy.get("/%zz").status, 400);
  const auto limited = proxy.get("/nowhere");
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.field("Retry-After"), "7");
  EXPECT_FALSE(limited.field("RateLimit").empty());
  proxy.send("not HTTP at all\r\n\r\n");
  const auto unread = proxy.receive();
  EXPECT_EQ(unread.status, 429);
  EXPECT_EQ(unread.field("Retry-After"), "7");
  const std::lock_guard lock(at.mutex);
  EXPECT_EQ(at.counted,
            (std::vector<std::string>{"192.0.2.7", "192.0.2.8", "127.0.0.1", "127.0.0.1", "127.0.0.1"}));
}

TEST(ServerBehindProxies, RefusesNetworksThatAreNone) {
  try {
    const server refused({.trusted_proxies = {"10.0.0.0/8", "proxy.example"}}, behind_proxies::routes());
    FAIL();
  } catch (const bad_options& wrong) {
    ASSERT_EQ(wrong.problems().size(), 1u);
    EXPECT_TRUE(wrong.problems().front().contains("proxy.example"));
  }
}

}  // namespace
}  // namespace strata::server
