#include "platform/maintenance.hpp"
#include "platform/test_support.hpp"

#include <strata/task.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace strata::platform {
namespace {

class Consistency : public testing::PlatformTest {};

// One writer, several readers. Before each read, a reader notes the newest acknowledged version. The read
// must not return an older one, nor go back in time.
TEST_F(Consistency, NoReadIsOlderThanAnAcknowledgedUpdate) {
  const auto row = at.add_agent(home, "0");
  const auto path = "/agents/" + row.id;
  std::atomic<std::int64_t> answered{1};
  std::atomic<bool> done{false};
  std::atomic<int> older{0};
  std::atomic<std::int64_t> reads{0};

  const auto watch = [&](auto read) {
    return [&, read]() mutable {
      std::int64_t last = 0;
      while (!done) {
        const auto least = answered.load();
        const auto seen = read();
        if (seen < least || seen < last) ++older;
        last = seen;
        ++reads;
      }
    };
  };
  const auto item = [&] { return at.ask("GET", path, member_token).number("/version"); };
  const auto list = [&] { return at.ask("GET", "/agents", member_token).number("/items/0/version"); };
  const auto filtered = [&] {
    return at.ask("GET", "/agents?status=active&limit=5", member_token).number("/items/0/version");
  };
  // The version begins the entity tag: `"7-…"`.
  const auto version_of = [](const std::string& etag) -> std::int64_t { return std::stoll(etag.substr(1)); };
  const auto head = [&] { return version_of(at.ask("HEAD", path, member_token).field("ETag")); };
  std::string known = at.ask("GET", path, member_token).field("ETag");
  const auto conditional = [&, known]() mutable {
    const auto got = at.ask("GET", path, member_token, {}, {{"If-None-Match", known}});
    if (got.status == 304) return version_of(known);
    known = got.field("ETag");
    return got.number("/version");
  };
  std::vector<std::thread> readers;
  readers.emplace_back(watch(item));
  readers.emplace_back(watch(list));
  readers.emplace_back(watch(filtered));
  readers.emplace_back(watch(head));
  readers.emplace_back(watch(conditional));
  for (int i = 1; i <= 200; ++i) {
    const auto patched = at.ask("PATCH", path, member_token, R"({"name":")" + std::to_string(i) + R"("})");
    ASSERT_EQ(patched.status, 200);
    answered = patched.number("/version");
  }
  done = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(older, 0);
  EXPECT_GT(reads, 200);
  EXPECT_EQ(answered, 201);
}

TEST_F(Consistency, ConcurrentExecutionsAreAllCounted) {
  const auto path = "/agents/" + at.add_agent(home, "Busy").id;
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 25; ++i) EXPECT_EQ(at.ask("POST", path + "/executions", member_token).status, 202);
    });
  }
  for (auto& each : writers) each.join();
  EXPECT_EQ(at.ask("GET", path, member_token).number("/execution_count"), 100);
}

TEST_F(Consistency, OneOfTwoPatchesOfTheSameVersionIsRefused) {
  const auto path = "/agents/" + at.add_agent(home, "Shared").id;
  const auto etag = at.ask("GET", path, member_token).field("ETag");
  std::atomic<int> good{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&, t] {
      const auto done = at.ask("PATCH", path, member_token, R"({"name":"by )" + std::to_string(t) + R"("})",
                               {{"If-Match", etag}});
      ++(done.status == 200 ? good : refused);
      EXPECT_TRUE(done.status == 200 || done.status == 412);
    });
  }
  for (auto& each : writers) each.join();
  EXPECT_EQ(good, 1);
  EXPECT_EQ(refused, 3);
}

TEST_F(Consistency, AnotherProgramsWritesAreSeenAtTheNextCheck) {
  const auto row = at.add_agent(home, "Before");
  const auto path = "/agents/" + row.id;
  strata::session_store unused(*at.database, *at.cache);
  maintenance care(*at.database, *at.cache, unused, std::chrono::hours(1), {});
  care.check();
  const auto before = at.ask("GET", path, member_token);
  at.ask("PATCH", path, member_token, R"({"description":"our own writes are not another program's"})");
  EXPECT_FALSE(care.check());

  auto other = at.another();
  testing::must(
      strata::sync_wait(other->execute("UPDATE agents SET name = 'After' WHERE id = $1", {row.id})));
  EXPECT_TRUE(care.check());
  EXPECT_FALSE(care.check());
  const auto after = at.ask("GET", path, member_token);
  EXPECT_EQ(after.text("/name"), "After");
  EXPECT_EQ(at.ask("GET", path, member_token, {}, {{"If-None-Match", before.field("ETag")}}).status, 200);
}

TEST_F(Consistency, EveryEventDropsTheKeysOfItsRule) {
  for (const auto& entity : all_entities()) {
    if (!entity.change || entity.change->event.empty()) continue;
    const auto& rule = *entity.change;
    const std::map<std::string, std::string> attributes{
        {"id", "x_1"}, {"organization_id", "org_1"}, {"version", "2"}};
    std::vector<strata::typed_key<std::string>> held;
    const auto fill = [&](std::string text, const std::string& below) {
      for (const auto& [name, value] : attributes) {
        const auto at_name = text.find('{' + name + '}');
        if (at_name != std::string::npos) text.replace(at_name, name.size() + 2, value);
      }
      held.push_back({strata::key(text + below), std::make_shared<const strata::policy>(), {}});
      strata::sync_wait(at.cache->set(held.back(), std::string("old")));
    };
    for (const auto& each : rule.keys) fill(each, "");
    for (const auto& each : rule.lists) fill(each, ":page_1");
    const strata::typed_key<std::string> other{
        strata::key("agent:other"), std::make_shared<const strata::policy>(), {}};
    strata::sync_wait(at.cache->set(other, std::string("kept")));
    strata::domain_event event{rule.event + ".updated", attributes};
    strata::sync_wait(at.held->events().publish(event));
    for (const auto& each : held) {
      EXPECT_FALSE(strata::sync_wait(at.cache->get(each))) << rule.event << ' ' << each.key.text();
    }
    EXPECT_TRUE(strata::sync_wait(at.cache->get(other))) << rule.event;
  }
}

}  // namespace
}  // namespace strata::platform
