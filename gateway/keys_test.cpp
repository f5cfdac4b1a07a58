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

TEST_F(Keys, AreReloadedWithoutLosingTheOldOnes) {
  key_ring ring("1:" + key_one);
  const auto file = write("2:" + key_two + "\n1:" + key_one + "\n");
  const auto both = reload_keys({.keys_file = file}, ring);
  ASSERT_TRUE(both) << both.error().detail;
  EXPECT_THAT(both->added, ElementsAre(2u));
  EXPECT_EQ(ring.active(), 2u);
  const auto without = reload_keys({.keys_file = write("2:" + key_two)}, ring);
  ASSERT_TRUE(without);
  EXPECT_THAT(without->missing, ElementsAre(1u));
  EXPECT_THAT(ring.ids(), ElementsAre(1u, 2u)) << "what was sealed with it stays readable";
}

TEST_F(Keys, AreNotReloadedIfAnIdMeansAnotherKeyNow) {
  key_ring ring("1:" + key_one);
  const auto refused = reload_keys({.keys_file = write("3:" + key_one + "\n1:" + key_two)}, ring);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("key 1 is another one than before"));
  EXPECT_THAT(ring.ids(), ElementsAre(1u));
  EXPECT_FALSE(reload_keys({.keys_file = folder.file("gone")}, ring));
  EXPECT_EQ(ring.active(), 1u);
}

TEST_F(Keys, OfADemoAreMadeOnceBesideTheDatabase) {
  const auto file = demo_keys_file("sqlite:" + folder.file("strata.db"));
  EXPECT_EQ(file, folder.file("strata.db.keys"));
  EXPECT_EQ(demo_keys_file("postgres://u@h/d"), "strata.keys");
  EXPECT_FALSE(has_demo_keys(file));
  const auto first = open_demo_keys(file);
  ASSERT_TRUE(first) << first.error().detail;
  struct stat about{};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  const auto second = open_demo_keys(file);
  ASSERT_TRUE(second);
  EXPECT_TRUE((*first)->has_same(**second, 1));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.file("")), {}), 1)
      << "nothing is left behind";
}

TEST_F(Keys, AreTakenOutOfTheirFile) {
  const auto file = write("# ours\n2:" + key_two + "\n1:" + key_one + " # the old one\n");
  EXPECT_THAT(*key_ids(file), ElementsAre(2u, 1u));
  EXPECT_THAT(remove_key(file, 2).error().detail, HasSubstr("key 2 is the first"));
  EXPECT_THAT(remove_key(file, 9).error().detail, HasSubstr("has no key 9"));
  ASSERT_TRUE(remove_key(file, 1));
  EXPECT_THAT(*key_ids(file), ElementsAre(2u));
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_EQ(text.str(), "# ours\n2:" + key_two + "\n");
  const auto crowded = write("2:" + key_two + " 1:" + key_one + "\n");
  EXPECT_FALSE(remove_key(crowded, 1)) << "it would take the other key along";
  EXPECT_THAT(*key_ids(crowded), ElementsAre(2u, 1u));
}

}  // namespace
}  // namespace strata::gateway
