// strata import: the registry's export and JSON Lines.

#include "tests/redis/child.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace strata::system_test {
namespace {

using testing::HasSubstr;

constexpr const char* registry = STRATA_SOURCE "/../shared/data/mcp-registry-2025-05-16.json";

/// A synthetic export like the registry's, with `count` servers.
std::string made_export(int count) {
  std::string out = "[";
  for (int i = 0; i < count; ++i) {
    const auto n = std::to_string(i);
    out += std::string(i == 0 ? "" : ",\n") + R"({"id":"00000000-0000-4000-8000-00000000)" +
           std::string(4 - n.size(), '0') + n + R"(","name":"io.example.maker/server-)" + n +
           R"(","description":"Server number )" + n + (i % 10 == 0 ? " speaks of weather" : "") +
           R"(","repository":{"url":"https://example.com/)" + n +
           R"(","source":"github","id":"1"},"version_detail":{"version":"1.0.0","release_date":)"
           R"("2025-05-16T18:56:49Z","is_latest":true},"packages":[{"registry_name":"npm","name":"server-)" +
           n + R"(","version":"1.0.0"}]})";
  }
  return out + "]\n";
}

struct Import : testing::Test {
  temp_folder folder;
  std::string database = test::chosen_url(folder.file("strata.db"));

  finished import(const std::string& file, const std::string& input = "/dev/null") {
    return run(folder, {"import", file, "--database", database}, {}, input);
  }

  /// The ids of all listings, paged through without a login.
  static std::set<std::string> ids_of_all_listings(const gateway& running, std::int64_t& total) {
    std::set<std::string> ids;
    for (int page = 1; page <= 100; ++page) {
      const auto got = running.ask("GET", "/marketplace/listings?limit=50&page=" + std::to_string(page));
      EXPECT_EQ(got.status, 200) << got.body;
      const auto body = parsed(got.body);
      total = body.at("total").as_int64();
      const auto& items = body.at("items").as_array();
      if (items.empty()) break;
      for (const auto& each : items) {
        EXPECT_TRUE(ids.insert(std::string(each.at("id").as_string())).second) << "on two pages";
      }
    }
    return ids;
  }

  void expect_served(std::size_t count, const std::string& word) {
    gateway running(folder);
    std::int64_t total = 0;
    EXPECT_EQ(ids_of_all_listings(running, total).size(), count);
    EXPECT_EQ(total, static_cast<std::int64_t>(count));

    const auto search = "/marketplace/listings?limit=100&q=" + word;
    const auto found = running.ask("GET", search);
    ASSERT_EQ(found.status, 200) << found.body;
    const auto body = parsed(found.body);
    EXPECT_GT(body.at("total").as_int64(), 0);
    EXPECT_LT(body.at("total").as_int64(), static_cast<std::int64_t>(count));
    EXPECT_THAT(found.field("cache-control"), HasSubstr("public, max-age=300, s-maxage=600"));
    // With a relay a process caches nothing until it has heard from it.
    const auto becomes_a_hit = [&](const std::string& target) {
      return test::eventually(
          [&] { return running.ask("GET", target).field("cache-status").contains("hit"); });
    };
    EXPECT_TRUE(becomes_a_hit(search));

    const std::string id(body.at("items").as_array().at(0).at("id").as_string());
    EXPECT_EQ(running.ask("GET", "/marketplace/listings/" + id).status, 200);
    EXPECT_TRUE(becomes_a_hit("/marketplace/listings/" + id));
  }
};

TEST_F(Import, MakesListingsOfAnExportAndASecondTimeChangesNothing) {
  const auto file = folder.write("export.json", made_export(120));
  const auto first = import(file);
  EXPECT_EQ(first.status, 0) << first.err;
  const auto image = other_program(folder.file("strata.db")).image();
  const auto second = import(file);
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(other_program(folder.file("strata.db")).image(), image);
  expect_served(120, "weather");
}

TEST_F(Import, TakesTheRealRegistrysExportButItsBlankRecords) {
  if (!std::filesystem::exists(registry)) {
    // The export is not in the repository; the test above covers the same with a synthetic one.
    SUCCEED() << registry << " is not here";
    return;
  }
  const auto records = parsed(read_file(registry)).as_array();
  std::size_t blank = 0;  // the export has records without id, name or any other field
  for (const auto& each : records) blank += each.at("id").as_string().empty() ? 1 : 0;
  ASSERT_EQ(records.size(), 470u);

  const auto first = import(registry);
  EXPECT_EQ(first.status, blank == 0 ? 0 : 1) << first.err;
  EXPECT_THAT(first.out, HasSubstr("470 records: " + std::to_string(470 - blank) + " created"));
  EXPECT_THAT(first.out, HasSubstr(std::to_string(blank) + " refused"));
  std::size_t told = 0;
  std::istringstream lines(first.err);
  for (std::string line; std::getline(lines, line);) told += line.contains(": /id: ") ? 1 : 0;
  EXPECT_EQ(told, blank) << first.err;

  const auto image = other_program(folder.file("strata.db")).image();
  EXPECT_THAT(import(registry).out, HasSubstr("0 created, 0 updated"));
  EXPECT_EQ(other_program(folder.file("strata.db")).image(), image);
  expect_served(470 - blank, "browser");
}

TEST_F(Import, ReportsABadRecordWithItsLineAndFieldAndTakesTheRest) {
  const auto file = folder.write(
      "entities.jsonl",
      "{\"type\":\"listing\",\"id\":\"lst_00000000000a\",\"name\":\"Good\",\"description\":\"\","
      "\"publisher\":\"p\","
      "\"repository_url\":\"https://example.com/a\",\"packages\":[]}\n"
      "{\"type\":\"listing\",\"id\":\"lst_00000000000b\",\"name\":7,\"description\":\"\",\"publisher\":\"p\","
      "\"repository_url\":\"https://example.com/b\",\"packages\":[]}\n"
      "{\"type\":\"listing\",\n"
      "{\"type\":\"unheard-of\",\"id\":\"lst_00000000000c\"}\n"
      "{\"type\":\"listing\",\"id\":\"lst_00000000000d\",\"name\":\"Good "
      "too\",\"description\":\"\",\"publisher\":\"p\","
      "\"repository_url\":\"https://example.com/d\",\"packages\":[]}\n");
  const auto done = import(file);
  EXPECT_EQ(done.status, 1);
  EXPECT_THAT(done.err, HasSubstr(":2:"));
  EXPECT_THAT(done.err, HasSubstr("name"));
  EXPECT_THAT(done.err, HasSubstr(":3:"));
  EXPECT_THAT(done.err, HasSubstr(":4:"));
  EXPECT_EQ(other_program(folder.file("strata.db")).execute("SELECT id FROM listings ORDER BY id"),
            "lst_00000000000a\nlst_00000000000d\n");
}

TEST_F(Import, ReadsStandardInput) {
  const auto file = folder.write("export.json", made_export(3));
  EXPECT_EQ(import("-", file).status, 0);
  EXPECT_EQ(other_program(folder.file("strata.db")).execute("SELECT count(*) FROM listings"), "3\n");
}

TEST_F(Import, SaysThatAFileIsNotThere) {
  const auto done = import(folder.file("nothing.json"));
  EXPECT_EQ(done.status, 1);
  EXPECT_THAT(done.err, HasSubstr("nothing.json"));
}

TEST_F(Import, IsSeenByAGatewayThatRunsOnTheSameFile) {
  gateway running(folder);
  EXPECT_EQ(number_at(running.ask("GET", "/marketplace/listings").body, "total"), 0);
  ASSERT_EQ(import(folder.write("export.json", made_export(5))).status, 0);
  std::int64_t total = 0;
  for (const auto deadline = clock::now() + patience; total != 5 && clock::now() < deadline;) {
    total = number_at(running.ask("GET", "/marketplace/listings").body, "total");
  }
  EXPECT_EQ(total, 5);
}

}  // namespace
}  // namespace strata::system_test
