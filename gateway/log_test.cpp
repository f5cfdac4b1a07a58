#include "gateway/log.hpp"

#include <strata/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace strata::gateway {
namespace {

using testing::HasSubstr;

std::string read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

server::access_record sample() {
  return {.method = "GET",
          .target = "/agents?page=1",
          .route = "/agents",
          .request_id = "abc",
          .peer = "127.0.0.1",
          .status = 200,
          .bytes = 1234,
          .duration = std::chrono::microseconds(250)};
}

TEST(Log, WritesARequestAsOneLine) {
  EXPECT_EQ(access_line(sample()),
            "peer=127.0.0.1 method=GET target=\"/agents?page=1\" route=\"/agents\" status=200 bytes=1234 "
            "seconds=0.000250 request_id=\"abc\"");
}

TEST(Log, SaysWhatTheCacheDid) {
  auto record = sample();
  const server::cache_status hit{};
  const server::cache_status miss{.forward = server::cache_status::forwarded::miss};
  record.cache = &hit;
  EXPECT_THAT(access_line(record), HasSubstr(" cache=hit "));
  record.cache = &miss;
  EXPECT_THAT(access_line(record), HasSubstr(" cache=miss "));
}

TEST(Log, LetsNoClientForgeALine) {
  auto record = sample();
  record.target = "/\" status=200\nlevel=info \x7f\xff\\";
  const auto line = access_line(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_THAT(line, HasSubstr(R"(target="/\" status=200\x0alevel=info \x7f\xff\\" )"));
}

TEST(Log, FilesHoldWhatWasWrittenWhenTheLogsAreGone) {
  char pattern[] = "/tmp/strata-log-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern);
  {
    logs log({.access = folder / "access.log", .app = folder / "app.log", .level = "warning"});
    log.write(log_level::info, "hidden");
    log.write(log_level::error, "shown");
    for (int i = 0; i < 100; ++i) log.write(sample());
  }
  const auto app = read(folder / "app.log");
  EXPECT_THAT(app, HasSubstr("level=error message=\"shown\"\n"));
  EXPECT_THAT(app, testing::Not(HasSubstr("hidden")));
  EXPECT_THAT(app, testing::StartsWith("time=2"));
  const auto access = read(folder / "access.log");
  EXPECT_EQ(std::ranges::count(access, '\n'), 100);
  std::filesystem::remove_all(folder);
}

TEST(Log, NamesEveryFileThatCannotBeWritten) {
  try {
    logs log({.access = "/nonexistent-folder/a.log", .app = "/dev/null/b.log"});
    FAIL() << "it was opened";
  } catch (const bad_options& wrong) {
    ASSERT_EQ(wrong.problems().size(), 2u);
    EXPECT_THAT(wrong.problems()[0], HasSubstr("log.app"));
    EXPECT_THAT(
        wrong.problems()[1],
        HasSubstr("log.access: /nonexistent-folder/a.log cannot be opened for writing: No such file"));
  }
}

TEST(Log, WritesOneOfManyEqualErrors) {
  char pattern[] = "/tmp/strata-log-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern);
  {
    logs log({.access = "off", .app = folder / "app.log", .level = "info"});
    for (int i = 0; i < 100; ++i) log.write(log_level::error, "cannot accept a connection");
    for (int i = 0; i < 3; ++i) log.write(log_level::info, "reloaded");
  }
  const auto app = read(folder / "app.log");
  EXPECT_EQ(std::ranges::count(app, '\n'), 4);
  std::filesystem::remove_all(folder);
}

TEST(Log, ReopeningAppliesNamesAndTheLevel) {
  char pattern[] = "/tmp/strata-log-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern);
  {
    logs log({.access = "off", .app = folder / "app.log", .level = "warning"});
    log.write(sample());
    EXPECT_FALSE(log.access_wanted());
    ASSERT_TRUE(log.reopen({.access = folder / "access.log", .app = folder / "app.log", .level = "info"}));
    EXPECT_TRUE(log.access_wanted());
    log.write(sample());
    log.write(log_level::info, "shown");
    const auto refused =
        log.reopen({.access = "/dev/null/a.log", .app = folder / "app.log", .level = "info"});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr("log.access: /dev/null/a.log"));
    log.write(sample());
  }
  EXPECT_THAT(read(folder / "app.log"), HasSubstr("level=info message=\"shown\"\n"));
  const auto access = read(folder / "access.log");
  EXPECT_EQ(std::ranges::count(access, '\n'), 2);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace strata::gateway
