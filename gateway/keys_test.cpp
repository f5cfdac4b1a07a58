#include "gateway/keys.hpp"

#include "tests/contract/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace strata::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string key_one = key_ring::generate();
const std::string key_two = key_ring::generate();

class Keys : public testing::Test {
 protected:
  std::string write(const std::string& text, mode_t mode = 0600) {
    const auto file = folder.file("keys");
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }
  static std::string problem_of(const encryption_config& from) {
    const auto made = open_keys(from);
    return made ? "" : made.error().detail;
  }
  test::temporary_folder folder;
};

TEST_F(Keys, AreAbsentIfNoneAreConfigured) {
  const auto made = open_keys({});
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, nullptr);
}

TEST_F(Keys, AreReadFromTheirFileTheFirstWriting) {
  const auto made =
      open_keys({.keys_file = write("# new: 2026\n2:" + key_two + "  # writes\n1:" + key_one + "\n")});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ((*made)->active(), 2u);
  EXPECT_THAT((*made)->ids(), ElementsAre(2, 1));
}

TEST_F(Keys, AreReadFromTextAndTheActiveOneWrites) {
  const auto made = open_keys({.keys = "1:" + key_one + " 2:" + key_two, .active = 2});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ((*made)->active(), 2u);
}

TEST_F(Keys, AFileOpenToOthersIsRefused) {
  for (const mode_t mode : {0640, 0604, 0620, 0601, 0666}) {
    const auto why = problem_of({.keys_file = write("1:" + key_one, mode)});
    EXPECT_THAT(why, HasSubstr("accessible to others than its owner (mode 6")) << std::oct << mode;
    EXPECT_THAT(why, HasSubstr("chmod 600 " + folder.file("keys")));
    EXPECT_FALSE(add_key(folder.file("keys"), 0));
  }
}

TEST_F(Keys, ProblemsNeverShowAKey) {
  EXPECT_THAT(problem_of({.keys_file = folder.file("none")}),
              HasSubstr("encryption.keys_file: " + folder.file("none") + " cannot be read: No such file"));
  EXPECT_THAT(problem_of({.keys_file = folder.file(".")}), HasSubstr("is not a regular file"));
  EXPECT_THAT(problem_of({.keys_file = write(std::string(20'000, '#'))}), HasSubstr("larger than 16 KiB"));
  EXPECT_THAT(problem_of({.keys_file = write("")}), HasSubstr("holds no 'id:key'"));
  const auto wrong = problem_of({.keys_file = write("1:" + key_one + "\n1:" + key_two + "\n2:tooshort\n")});
  EXPECT_THAT(wrong, HasSubstr("key 1 is there already"));
  EXPECT_THAT(wrong, HasSubstr("key 2 must be 32 bytes"));
  for (const auto& secret : {key_one, key_two, std::string("tooshort")})
    EXPECT_THAT(wrong, Not(HasSubstr(secret)));
  EXPECT_THAT(problem_of({.keys = "1:" + key_one, .active = 7}),
              HasSubstr("encryption.active: key 7 is not in the ring"));
}

TEST_F(Keys, AreMadeIntoAFileOfTheirOwnersAndReadFromIt) {
  const auto file = folder.file("made");
  const auto first = add_key(file, 0);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(*first, 1u);
  struct stat about{};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(add_key(file, 7), 7u);
  EXPECT_EQ(add_key(file, 0), 8u);
  EXPECT_FALSE(add_key(file, 7));
  const auto made = open_keys({.keys_file = file});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_THAT((*made)->ids(), ElementsAre(1, 7, 8));
  EXPECT_EQ((*made)->active(), 1u) << "a new key must not encrypt before every gateway can decrypt with it";
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(Keys, AFileThatCannotBeWrittenIsLeftAsItWas) {
  const auto file = write("1:" + key_one + "\n");
  std::ofstream(file + ".new") << "of another program";
  EXPECT_FALSE(add_key(file, 0));
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_EQ(text.str(), "1:" + key_one + "\n");
}

}  // namespace
}  // namespace strata::gateway
