// The signals that operators and their tools send, and what the logs hold after them.

#include "tests/system/gateway.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace strata::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

bool within_patience(const std::function<bool()>& is_so) {
  for (const auto deadline = clock::now() + patience; clock::now() < deadline;
       std::this_thread::sleep_for(1ms)) {
    if (is_so()) return true;
  }
  return false;
}

bool has(const std::string& file, const std::string& text) {
  return within_patience([&] { return read_file(file).find(text) != std::string::npos; });
}

TEST(Signals, ReopenTheLogsAndDoNotEndTheProgram) {
  const temp_folder folder;
  gateway running(folder, {"--log-access", "access.log", "--log-app", "app.log"});
  for (const auto& [signal, path] : {std::pair{SIGHUP, "/first"}, {SIGUSR1, "/second"}}) {
    const std::string old = "before" + std::string(path).substr(1);
    EXPECT_EQ(running.ask("GET", "/" + old).status, 404);
    for (const auto* each : {"access.log", "app.log"})
      std::filesystem::rename(folder.file(each), folder.file(each + old));
    running.program().signal(signal);
    ASSERT_TRUE(within_patience([&] { return std::filesystem::exists(folder.file("access.log")); }));
    ASSERT_TRUE(has(folder.file("access.log" + old), old)) << "the line of a request before the signal";
    EXPECT_EQ(running.ask("GET", path).status, 404);
    EXPECT_TRUE(has(folder.file("access.log"), path));
    EXPECT_THAT(read_file(folder.file("access.log" + old)), Not(HasSubstr(path)));
  }
  running.program().signal(SIGUSR2);
  EXPECT_EQ(running.ask("GET", "/third").status, 404);
  EXPECT_EQ(running.stop(), 0);
  EXPECT_THAT(read_file(folder.file("app.log")), HasSubstr("message=\"stopped\""));
  EXPECT_THAT(read_file(folder.file("access.log")), testing::EndsWith("\n"));
}

TEST(Signals, SighupReloadsWhatCanBeReloaded) {
  const temp_folder folder;
  folder.write("strata.toml", "[log]\naccess = \"a.log\"\n");
  gateway running(folder);
  folder.write("strata.toml", "threads = 3\n[log]\naccess = \"b.log\"\nlevel = \"debug\"\n");
  running.program().signal(SIGHUP);
  ASSERT_TRUE(within_patience(
      [&] { return running.program().err().find("reloaded on SIGHUP") != std::string::npos; }));
  EXPECT_THAT(running.program().err(), HasSubstr("changed, but needs a restart: threads"));
  EXPECT_EQ(running.ask("GET", "/named").status, 404);
  EXPECT_TRUE(has(folder.file("b.log"), "/named"));
  folder.write("strata.toml", "[log]\nacess = \"c.log\"\n");
  running.program().signal(SIGHUP);
  ASSERT_TRUE(within_patience([&] {
    return running.program().err().find("not reloaded on SIGHUP: strata.toml:2:1") != std::string::npos;
  }));
  EXPECT_EQ(running.ask("GET", "/again").status, 404);
  EXPECT_TRUE(has(folder.file("b.log"), "/again"));
  EXPECT_EQ(running.stop(), 0);
}

TEST(Signals, TheAccessLogHasItsLinesWithinASecondAndAfterACrash) {
  const temp_folder folder;
  folder.write("access.log", "a half lin");
  gateway running(folder, {"--log-access", "access.log"});
  EXPECT_EQ(running.ask("GET", "/early").status, 404);
  EXPECT_TRUE(has(folder.file("access.log"), "\"/early\"")) << "while the program runs and is idle";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(running.ask("GET", "/late" + std::to_string(i)).status, 404);
  running.program().signal(SIGSEGV);
  EXPECT_NE(running.program().wait(), 0);
  const auto text = read_file(folder.file("access.log"));
  EXPECT_THAT(text, testing::StartsWith("a half lin\ntime="));
  EXPECT_THAT(text, HasSubstr("\"/late19\""));
  EXPECT_THAT(text, testing::EndsWith("\n"));
}

TEST(Signals, AStderrThatNobodyReadsDoesNotHoldTheEnd) {
  const temp_folder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  const int pipe = ::open(folder.file("pipe").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(pipe, 0);
  const std::string text(4096, 'x');
  while (::write(pipe, text.data(), text.size()) > 0) {
  }
  auto arguments = gateway::flags(folder);
  process program(folder, arguments, {}, "/dev/null", folder.file("pipe"));
  program.wait_for_line("listening on ");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  ::close(pipe);
}

TEST(Signals, ALogFileThatCannotBeOpenedIsRefusedAtTheStart) {
  const temp_folder folder;
  auto arguments = gateway::flags(folder);
  arguments.insert(arguments.end(), {"--log-access", folder.file("none/x")});
  const auto refused = run(folder, arguments);
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("log.access: " + folder.file("none/x") + " cannot be opened"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("none")));
}

}  // namespace
}  // namespace strata::system_test
