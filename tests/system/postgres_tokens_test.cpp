// A session that writes through one gateway reads its write through another at once.

#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <optional>

namespace strata::system_test {
namespace {

using test::eventually;

class OnPostgresTokens : public testing::Test {
 protected:
  static constexpr int rounds = 1000;
  using field = std::pair<std::string, std::string>;

  /// Two gateways on one database that learn of each other's writes only through `more`.
  void run(const std::vector<std::string>& more, const std::string& ready) {
    auto with_demo = more;
    with_demo.emplace_back("--demo");
    const gateway one(folder_, with_demo);
    const gateway two(folder_, more);
    ASSERT_TRUE(eventually([&] {
      return one.ask_admin("GET", "/readyz").body.contains(ready) &&
             two.ask_admin("GET", "/readyz").body.contains(ready);
    }));
    const auto here = one.session(one.as("admin"));
    const auto there = two.session(one.as("admin"));
    const auto list = parsed(one.ask("GET", "/agents?limit=5", {here}).body);
    std::vector<std::string> targets;
    for (const auto& each : list.at("items").as_array()) {
      targets.push_back("/agents/" + std::string(each.at("id").as_string()));
    }
    connection to_one(one.port());
    connection to_two(two.port());
    const field type{"Content-Type", "application/json"};
    int old_without_token = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto& target = targets[static_cast<std::size_t>(i) % targets.size()];
      const auto name = "Renamed " + std::to_string(i);
      const auto written = to_one.ask("PATCH", target, {here, type}, R"({"name":")" + name + R"("})");
      ASSERT_EQ(written.status, 200) << written.body;
      const field token{"Strata-Mark", written.field("strata-mark")};
      // Every fourth request omits its token, to show that the second gateway does hold old values.
      if (i % 4 == 3) {
        const auto without_token = to_two.ask("GET", target, {there});
        ASSERT_EQ(without_token.status, 200) << i << ' ' << without_token.body;
        old_without_token += text_at(without_token.body, "name") != name;
      }
      const auto read = to_two.ask("GET", target, {there, token});
      ASSERT_EQ(read.status, 200) << i << ' ' << read.body;
      ASSERT_EQ(text_at(read.body, "name"), name) << i << ' ' << read.field("cache-status");
      if (i % 8 != 0) continue;
      const auto listed = to_two.ask("GET", "/agents?limit=100", {there, token});
      ASSERT_NE(listed.body.find('"' + name + '"'), std::string::npos) << i;
    }
    std::cout << rounds << " writes read at once; without their token " << old_without_token << " of "
              << rounds / 4 << " reads were older\n";
  }

 private:
  temp_folder folder_;
};

TEST_F(OnPostgresTokens, BringAWriteToAGatewayThatSharesARedis) {
  const test::redis_server server;
  run({"--store", server.url()}, R"("name":"store","ready":true)");
}

TEST_F(OnPostgresTokens, BringAWriteToAGatewayThatSharesOnlyTheDatabase) {
  run({}, R"("name":"database","ready":true)");
}

}  // namespace
}  // namespace strata::system_test
