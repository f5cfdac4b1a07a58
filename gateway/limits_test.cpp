#include "gateway/gateway.hpp"

#include "server/test_support.hpp"
#include "tests/contract/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <strata/encryption.hpp>

#include <string>

namespace strata::gateway {
namespace {

using server::testing::client;

/// A gateway with limits, and a second one that shares them.
struct limited {
  test::temporary_folder folder;
  std::shared_ptr<memory_server> shared = make_memory_server();
  config values = default_config();
  std::unique_ptr<logs> log;
  std::vector<std::unique_ptr<gateway>> running;

  explicit limited(const rate_config& rate) {
    values.listen = "127.0.0.1:0";
    values.admin = "127.0.0.1:0";
    values.admin_token = "a-token-of-the-operator";
    values.encryption.keys = "1:" + key_ring::generate();
    values.database = "sqlite:" + folder.file("strata.db");
    values.log.app = "off";
    values.threads = 1;
    values.rate = rate;
  }
  gateway& start() {
    if (log == nullptr) log = std::make_unique<logs>(values.log);
    auto opened = gateway::open(values, *log, connect(shared));
    if (!opened) throw std::runtime_error(opened.error().detail);
    running.push_back(std::move(*opened));
    if (auto done = running.back()->start(); !done) throw std::runtime_error(done.error().detail);
    return *running.back();
  }
  static std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
  }
};

TEST(GatewayLimits, RefusedRequestsCount) {
  limited at({.user = 0, .address = 8, .login_account = 0, .login_address = 0});
  const auto port = limited::port_of(at.start().url());
  client one(port);
  EXPECT_EQ(one.get("/users/me").status, 401);
  EXPECT_EQ(one.get("/users/me", "Authorization: Bearer sess_guessed_and_wrong\r\n").status, 401);
  EXPECT_EQ(one.get("/nowhere").status, 404);
  one.send("DELETE /users/me HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(one.receive().status, 405);
  EXPECT_EQ(one.get("/marketplace/listings?unknown=1").status, 422);
  EXPECT_EQ(one.get("/%zz").status, 400);
  EXPECT_EQ(one.get("/marketplace/listings").status, 200);
  const auto last = one.get("/nowhere");
  EXPECT_EQ(last.status, 404);
  EXPECT_TRUE(last.field("RateLimit").starts_with("\"address\";r=0;t=")) << "each of them was counted once";
  EXPECT_EQ(last.field("RateLimit-Policy"), "\"address\";q=8;w=60");
  for (const auto* path : {"/nowhere", "/users/me", "/marketplace/listings"}) {
    const auto limited = one.get(path);
    EXPECT_EQ(limited.status, 429) << path;
    EXPECT_FALSE(limited.field("Retry-After").empty()) << path;
  }
  client other(port, 9);
  EXPECT_EQ(other.get("/marketplace/listings").status, 200) << "another address has its own";
}

TEST(GatewayLimits, GatewaysCountTogether) {
  limited at({.user = 0, .address = 6, .login_account = 0, .login_address = 0});
  client one(limited::port_of(at.start().url()));
  client two(limited::port_of(at.start().url()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(one.get("/marketplace/listings").status, 200);
    EXPECT_EQ(two.get("/marketplace/listings").status, 200);
  }
  EXPECT_EQ(one.get("/marketplace/listings").status, 429);
  EXPECT_EQ(two.get("/marketplace/listings").status, 429);
}

TEST(GatewayLimits, ClientsBehindATrustedProxyAreApart) {
  limited at({.user = 0, .address = 2, .login_account = 0, .login_address = 0});
  at.values.trusted_proxies = {"127.0.0.1"};
  client proxy(limited::port_of(at.start().url()));
  const auto ask = [&](const std::string& from) {
    return proxy.get("/marketplace/listings", "X-Forwarded-For: " + from + "\r\n").status;
  };
  EXPECT_EQ(ask("2001:db8:0:1::1"), 200);
  EXPECT_EQ(ask("2001:db8:0:1:ffff::2"), 200);
  EXPECT_EQ(ask("2001:db8:0:1::3"), 429) << "one client has 64 bits of addresses";
  EXPECT_EQ(ask("2001:db8:0:2::1"), 200);
  EXPECT_EQ(ask("192.0.2.7"), 200);
  EXPECT_EQ(ask("1.1.1.1, 192.0.2.7"), 200);
  EXPECT_EQ(ask("2.2.2.2, 192.0.2.7"), 429) << "what it invents does not help";
}

TEST(GatewayLimits, WrongAdminTokensAreCountedAndThenNoneIsTried) {
  limited at({.admin = 5});
  const auto port = limited::port_of(at.start().admin_url());
  client guess(port);
  EXPECT_EQ(guess.get("/cache/stats", "Authorization: Bearer a-token-of-the-operator\r\n").status, 200);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(guess.get("/cache/stats", "Authorization: Bearer guess" + std::to_string(i) + "\r\n").status,
              401);
  }
  EXPECT_EQ(guess.get("/cache/stats", "Authorization: Bearer guess6\r\n").status, 429);
  EXPECT_EQ(guess.get("/cache/stats", "Authorization: Bearer a-token-of-the-operator\r\n").status, 429)
      << "a right guess must not show";
  client elsewhere(port, 9);
  EXPECT_EQ(elsewhere.get("/cache/stats", "Authorization: Bearer a-token-of-the-operator\r\n").status, 200);
}

}  // namespace
}  // namespace strata::gateway
