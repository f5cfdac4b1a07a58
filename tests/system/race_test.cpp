// A read after an acknowledged update never returns an older version.

#include "tests/system/gateway.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace strata::system_test {
namespace {

constexpr int updates = 300;

/// Readers run until `done`; `check` gets each response and the version acknowledged before its request.
struct race {
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<bool> done{false};
  std::atomic<int> older{0};
  std::atomic<int> reads{0};

  template <class VersionOf>
  void read(const gateway& running, const std::string& target, const field_list& fields,
            VersionOf version_of) {
    connection kept(running.port());
    std::int64_t last = 0;
    while (!done) {
      const auto floor = std::max(acknowledged.load(), last);
      const auto got = kept.ask("GET", target, fields);
      if (got.status != 200) {
        older += 1'000'000;
        return;
      }
      const auto version = version_of(got.body);
      if (version < floor) ++older;
      last = std::max(last, version);  // reads of one reader never go backwards
      ++reads;
    }
  }
};

TEST(Race, AnUpdatesAnswerIsNeverFollowedByAnOlderOne) {
  const temp_folder folder;
  gateway running(folder, {"--demo", "--threads", "2"});
  const field_list fields{running.session(running.as("admin"))};
  const auto list = running.ask("GET", "/agents?limit=1", fields);
  const std::string id(parsed(list.body).at("items").as_array().at(0).at("id").as_string());

  const auto of_agent = [](const std::string& body) { return number_at(body, "version"); };
  const auto of_list = [&](const std::string& body) -> std::int64_t {
    const auto read = parsed(body);
    for (const auto& each : read.at("items").as_array()) {
      if (each.at("id").as_string() == id) return each.at("version").as_int64();
    }
    return -1;
  };
  race one;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] { one.read(running, "/agents/" + id, fields, of_agent); });
    }
    readers.emplace_back([&] { one.read(running, "/agents?limit=100", fields, of_list); });

    connection writer(running.port());
    auto with_type = fields;
    with_type.emplace_back("Content-Type", "application/json");
    for (int i = 0; i < updates; ++i) {
      const auto changed = writer.ask("PATCH", "/agents/" + id, with_type,
                                      "{\"description\":\"update " + std::to_string(i) + "\"}");
      EXPECT_EQ(changed.status, 200) << changed.body;
      if (changed.status != 200) break;
      one.acknowledged = number_at(changed.body, "version");
    }
    one.done = true;
  }
  EXPECT_EQ(one.older, 0) << "of " << one.reads << " reads";
  EXPECT_GT(one.reads, updates / 10);
  EXPECT_EQ(running.stop(), 0);  // a sanitizer's findings fail the exit status
}

TEST(Race, TwoGatewaysFillOneEmptyDatabase) {
  const temp_folder folder;
  auto arguments = gateway::flags(folder);
  arguments.emplace_back("--demo");
  process first(folder, arguments);
  process second(folder, arguments);
  for (auto* each : {&first, &second}) {
    each->wait_for_line("listening on ");
    EXPECT_NE(each->out().find("demo login: "), std::string::npos);
  }
  EXPECT_EQ(other_program(folder.file("strata.db")).execute("SELECT count(*) FROM agents"), "500\n");
  for (auto* each : {&first, &second}) {
    each->signal(SIGTERM);
    EXPECT_EQ(each->wait(), 0) << each->err();
  }
}

}  // namespace
}  // namespace strata::system_test
