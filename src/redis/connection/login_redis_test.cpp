/// Who may connect: passwords, users, protocol, TLS.

#include "redis/connection/client.hpp"
#include "tests/redis/client_support.hpp"
#include "tests/redis/server.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using test::connects;
using test::eventually;

/// Why a client with these options has no connection.
std::string refusal(const client_options& with) {
  runtime threads;
  client redis(threads, with);
  EXPECT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  const auto got = sync_wait(redis.execute(resp::command("PING")));
  EXPECT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, errc::store_unavailable);
  EXPECT_EQ(got.error().detail, redis.trouble());
  EXPECT_FALSE(redis.trouble().contains("sesame")) << redis.trouble();
  return redis.trouble();
}

TEST(RedisLogin, TheDefaultUsersPassword) {
  test::redis_server server({.config = {"--requirepass", "sesame"}});
  auto options = test::options_for(server);
  EXPECT_TRUE(refusal(options).contains("a password is needed"));
  options.login.password = "open sesame";
  EXPECT_TRUE(refusal(options).contains("password is wrong"));
  options.login.password = "sesame";
  runtime threads;
  client redis(threads, options);
  EXPECT_TRUE(test::set(redis, "a", "1"));
}

TEST(RedisLogin, AUserOfTheAcl) {
  test::redis_server server({.config = {"--user", "app", "on", ">sesame", "~v:*", "resetchannels", "-@all",
                                        "+get", "+set", "+hello"}});
  auto options = test::options_for(server);
  options.login = {.user = "app", .password = "sesame"};
  runtime threads;
  test::recorder seen;
  client redis(threads, options, &seen);
  EXPECT_TRUE(test::set(redis, "v:a", "1"));
  EXPECT_EQ(seen.last().run_id, "") << "INFO is not allowed to this user";
  const auto other = sync_wait(redis.execute(resp::command("GET").arg("other")));
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->error().code, "NOPERM");
  options.login.user = "nobody";
  EXPECT_TRUE(refusal(options).contains("password is wrong"));
}

TEST(RedisLogin, AServerThatRefusesHelloSpeaksProtocol2Only) {
  test::redis_server server({.config = {"--rename-command", "HELLO", ""}});
  auto options = test::options_for(server);
  options.login.password = "sesame";  // which the server repeats in its error
  const auto why = refusal(options);
  EXPECT_TRUE(why.contains("protocol 2 only; Redis 6 or newer, or Valkey, is needed")) << why;
}

TEST(RedisLogin, ThroughTls) {
  test::redis_server server({.tls = true});
  auto options = test::options_for(server.tls_port());
  options.tls = {.enabled = true, .ca_file = server.certificates().ca};
  options.database = 2;
  runtime threads;
  client redis(threads, options);
  for (const std::size_t size : {0u, 1u, 16'383u, 16'384u, 16'385u, 100'000u, 5u << 20}) {
    const std::string bytes(size, 'x');
    ASSERT_TRUE(test::set(redis, "k", bytes));
    ASSERT_TRUE(test::get(redis, "k") == bytes) << size;
  }
  test::many_tasks(50).run([&](int caller) -> task<void> {
    for (int i = 0; i < 50; ++i) {
      auto got = co_await redis.execute(resp::command("ECHO").arg(caller * 1000 + i),
                                        {.deadline = test::patiently()});
      EXPECT_TRUE(got && got->integer() == caller * 1000 + i);
    }
  });
  options.at.host = "localhost";
  client by_name(threads, options);
  EXPECT_TRUE(test::set(by_name, "k", "v"));
}

TEST(RedisLogin, TlsVerifiesTheServer) {
  test::redis_server server({.tls = true});
  auto options = test::options_for(server.tls_port());
  options.tls.enabled = true;
  EXPECT_TRUE(refusal(options).contains("certificate is not trusted")) << "the system does not know its CA";
  options.tls.ca_file = server.certificates().other_ca;
  EXPECT_TRUE(refusal(options).contains("certificate is not trusted"));
  options.tls.ca_file = server.certificates().ca;
  options.tls.server_name = "other.example";
  EXPECT_TRUE(refusal(options).contains("ostname mismatch"));
  options.tls.server_name = "localhost";
  runtime threads;
  client redis(threads, options);
  EXPECT_TRUE(test::set(redis, "a", "1"));
}

TEST(RedisLogin, TlsVerifiesTheAddress) {
  test::redis_server server({.tls = true, .certificate_for = "DNS:localhost"});
  auto options = test::options_for(server.tls_port());
  options.tls = {.enabled = true, .ca_file = server.certificates().ca};
  EXPECT_TRUE(refusal(options).contains("IP address mismatch"));
}

TEST(RedisLogin, TlsShowsACertificateOfOurs) {
  test::redis_server server({.tls = true, .tls_client_certificate = true});
  auto options = test::options_for(server.tls_port());
  options.tls = {.enabled = true, .ca_file = server.certificates().ca};
  EXPECT_NE(refusal(options), "");
  options.tls.certificate_file = server.certificates().client;
  options.tls.key_file = server.certificates().client_key;
  runtime threads;
  client redis(threads, options);
  EXPECT_TRUE(test::set(redis, "a", "1"));
}

TEST(RedisLogin, APlainServerIsNoTlsServer) {
  test::redis_server server;
  auto options = test::options_for(server);
  options.tls.enabled = true;
  options.connect_timeout = std::chrono::milliseconds(300);  // it waits for the rest of a command
  EXPECT_TRUE(refusal(options).contains("did not answer in time"));
}

TEST(RedisLogin, BadOptionsAreRefusedAndAllNamed) {
  runtime threads;
  const auto problems = [&](const client_options& with) -> std::string {
    try {
      client redis(threads, with);
      return "";
    } catch (const bad_options& wrong) {
      return wrong.what();
    }
  };
  client_options bad;
  bad.name = "two words";
  bad.max_pending = 0;
  bad.tls.certificate_file = "x";
  EXPECT_TRUE(problems(bad).contains("name"));
  EXPECT_TRUE(problems(bad).contains("max_pending"));
  EXPECT_TRUE(problems(bad).contains("key_file"));
  bad = {};
  bad.tls = {.enabled = true, .ca_file = "/no/such/ca.pem"};
  EXPECT_TRUE(problems(bad).contains("/no/such/ca.pem"));
  bad = {};
  bad.at.path = std::string(200, 'x');
  EXPECT_TRUE(problems(bad).contains("too long"));
}

}  // namespace
}  // namespace strata::redis
