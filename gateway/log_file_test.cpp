#include "gateway/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace strata::gateway {
namespace {

using testing::HasSubstr;

class LogFile : public testing::Test {
 protected:
  LogFile() {
    char pattern[] = "/tmp/strata-log-file-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~LogFile() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ / name; }
  std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  static result<std::unique_ptr<log_file>> open(const std::string& to, duration delay = {}) {
    return log_file::open({.name = "log.access",
                           .to = to,
                           .delay = delay,
                           .lost_line = [](std::uint64_t lost) { return std::to_string(lost) + " lost\n"; },
                           .notice = [](const std::string&, bool) {}});
  }

  std::filesystem::path folder_;
};

TEST_F(LogFile, OnlyItsOwnerMayReadIt) {
  ASSERT_TRUE(open(file("a.log")));
  struct stat found{};
  ASSERT_EQ(::stat(file("a.log").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

TEST_F(LogFile, IsNotMadeTogetherWithItsFolder) {
  const auto refused = open(file("none/a.log"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, testing::AllOf(HasSubstr("log.access"), HasSubstr("none/a.log")));
  EXPECT_FALSE(std::filesystem::exists(file("none")));
}

TEST_F(LogFile, EndsTheHalfLineOfAProcessThatDied) {
  std::ofstream(file("a.log")) << "whole\nhal";
  (*open(file("a.log")))->add("next\n");
  EXPECT_EQ(content("a.log"), "whole\nhal\nnext\n");
  (*open(file("a.log")))->add("last\n");
  EXPECT_EQ(content("a.log"), "whole\nhal\nnext\nlast\n");
}

TEST_F(LogFile, LinesBeforeReopeningAreInTheOldFileAndLinesAfterItInTheNewOne) {
  {
    const auto log = std::move(*open(file("a.log"), std::chrono::hours(1)));
    log->add("before\n");
    std::filesystem::rename(file("a.log"), file("a.log.1"));
    ASSERT_TRUE(log->reopen(file("a.log")));
    EXPECT_TRUE(std::filesystem::exists(file("a.log")));
    while (content("a.log.1").empty()) std::this_thread::yield();
    log->add("after\n");
  }
  EXPECT_EQ(content("a.log.1"), "before\n");
  EXPECT_EQ(content("a.log"), "after\n");
}

TEST_F(LogFile, IsWrittenAtACrashWithoutWaitingForItsThread) {
  const auto log = std::move(*open(file("a.log"), std::chrono::hours(1)));
  log->add("one\n");
  log->add("two\n");
  log->write_at_crash();
  EXPECT_EQ(content("a.log"), "one\ntwo\n");
}

TEST_F(LogFile, APipeThatNobodyReadsHoldsNeitherCallersNorTheEnd) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(open(file("pipe"))) << "it has no reader";
  const int reader = ::open(file("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  {
    const auto log = std::move(*open(file("pipe")));
    const std::string line = std::string(1023, 'x') + '\n';
    for (int i = 0; i < 4096; ++i) log->add(line);
  }
  ::close(reader);
}

TEST_F(LogFile, SaysHowManyLinesWereLost) {
  {
    const auto log = std::move(*open(file("a.log"), std::chrono::hours(1)));
    const std::string line(300 * 1024, 'x');
    log->add(line.substr(1) + '\n');  // crosses half of the memory, so the thread begins to write
    for (int i = 0; i < 4; ++i) log->add(std::string(600 * 1024, 'y') + '\n');
  }
  EXPECT_THAT(content("a.log"), testing::EndsWith("x\n4 lost\n"));
}

}  // namespace
}  // namespace strata::gateway
