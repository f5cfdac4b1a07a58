// GET /cache/events: a listener at any gateway gets the events of all writers.

#include "tests/postgres/server.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace strata::system_test {
namespace {

using testing::HasSubstr;

/// A listener to a gateway's events.
class listener {
 public:
  explicit listener(const gateway& to) : connection_(to.admin_port()) {
    connection_.send("GET /cache/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
    head_ = connection_.receive(false).value();
    connection_.receive_until(": listening\n\n");
  }
  const answer& head() const { return head_; }
  /// The events up to one of `type` about `id`.
  std::string hear(const std::string& type, const std::string& id = "") {
    std::string heard;
    for (;;) {
      const auto next = connection_.receive_until("\n\n");
      heard += next;
      if (next.contains("\"type\":\"" + type + '"') && next.contains(id)) return heard;
    }
  }
  bool ends() { return connection_.closed_within(patience); }

 private:
  connection connection_;
  answer head_;
};

std::string first_agent(const gateway& of, const std::pair<std::string, std::string>& session) {
  const auto list = parsed(of.ask("GET", "/agents?limit=1", {session}).body);
  return std::string(list.at("items").at(0).at("id").as_string());
}

class OnPostgresEvents : public testing::Test {
 protected:
  void tell_everybody(const std::vector<std::string>& more) {
    auto flags = more;
    flags.insert(flags.end(), {"--database", server_.url(name_)});
    auto with_demo = flags;
    with_demo.emplace_back("--demo");
    const gateway one(folder_, with_demo);
    gateway two(folder_, flags);
    const auto session = one.session(one.as("admin"));
    const auto id = first_agent(one, session);
    listener at_one(one);
    listener at_two(two);
    EXPECT_EQ(at_two.head().field("content-type"), "text/event-stream");
    {
      // A gateway serves before its feed has started.
      const std::jthread says([this](const std::stop_token& heard) {
        while (!heard.stop_requested()) {
          server_.execute(name_, "SELECT strata_outbox.publish('{test.hello}')");
          std::this_thread::sleep_for(20ms);
        }
      });
      at_one.hear("test.hello");
      at_two.hear("test.hello");
    }

    ASSERT_EQ(one.ask("PATCH", "/agents/" + id, {session}, R"({"name":"Renamed at one"})").status, 200);
    EXPECT_THAT(at_two.hear("agent.updated", id), HasSubstr("\"organization_id\":\"org_"));
    at_one.hear("agent.updated", id);

    server_.execute(
        name_,
        "INSERT INTO agents SELECT 'agt_psql00000001', organization_id, 'By psql', '', 'active', 0, 0, "
        "1, created_at, updated_at FROM agents WHERE id = '" +
            id + "'");
    at_one.hear("agent.created", "agt_psql00000001");
    at_two.hear("agent.created", "agt_psql00000001");

    const auto made = one.ask("POST", "/agents", {session}, R"({"name":"New"})");
    ASSERT_EQ(made.status, 201) << made.body;
    const auto other = text_at(made.body, "id");
    ASSERT_EQ(one.ask("DELETE", "/agents/" + other, {session}).status, 204);
    const auto heard = at_two.hear("agent.deleted", other);
    EXPECT_LT(heard.find("agent.created"), heard.find("agent.deleted")) << heard;

    server_.execute(name_, "TRUNCATE agents CASCADE");
    at_one.hear("agent.truncated");
    at_two.hear("agent.truncated");

    EXPECT_EQ(two.stop(), 0) << "who listens does not hold it up";
    EXPECT_TRUE(at_two.ends());
  }

  temp_folder folder_;
  test::postgres_server& server_ = test::shared_postgres();
  std::string name_ = server_.create_database();
};

TEST_F(OnPostgresEvents, ReachEveryGatewayOnOneRedis) {
  const test::redis_server redis;
  tell_everybody({"--store", redis.url()});
}

TEST_F(OnPostgresEvents, ReachEveryGatewayThatSharesOnlyTheDatabase) {
  tell_everybody({});
}

TEST(Events, OfOneProcessAreToldWithoutAnOutbox) {
  const temp_folder folder;
  const gateway one(folder, {"--demo", "--relay-events", "0s"});
  const auto session = one.session(one.as("admin"));
  const auto id = first_agent(one, session);
  listener at(one);
  ASSERT_EQ(one.ask("PATCH", "/agents/" + id, {session}, R"({"name":"Renamed"})").status, 200);
  at.hear("agent.updated", id);
}

}  // namespace
}  // namespace strata::system_test
