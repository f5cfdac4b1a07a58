#include <strata/key.hpp>

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace {

using strata::key;
using strata::key_pattern;

std::string escaped(std::string_view argument) {
  std::string out;
  strata::append_escaped(out, argument);
  return out;
}

TEST(KeyPattern, BuildsTheKeysOfTheConvention) {
  EXPECT_EQ(key_pattern<"agent:{id}">::build("agt_xyz789").text(), "agent:agt_xyz789");
  EXPECT_EQ(key_pattern<"user:{id}:permissions">::build("usr_1").text(), "user:usr_1:permissions");
  EXPECT_EQ((key_pattern<"api:agents:list:{org}:page_{page}">::build("org_123", 1).text()),
            "api:agents:list:org_123:page_1");
  EXPECT_EQ(key_pattern<"stats">::build().text(), "stats");
}

TEST(Hash, IsKeyedForTablesAndStableForWhatIsShared) {
  EXPECT_EQ(strata::hash_of("agent:1"), strata::hash_of("agent:1"));
  EXPECT_EQ(key("agent:1").hash(), strata::hash_of("agent:1"));
  EXPECT_NE(strata::hash_of("agent:1"), strata::stable_hash_of("agent:1"));
  EXPECT_EQ(strata::stable_hash_of("agent:1"), 0xe7782fceccdd67d4);
}

TEST(KeyPattern, KnowsItsArityWhenCompiled) {
  static_assert(key_pattern<"stats">::arity == 0);
  static_assert(key_pattern<"agent:{id}">::arity == 1);
  static_assert(key_pattern<"a:{one}:b:{two}">::arity == 2);
  static_assert(requires { key_pattern<"agent:{id}">::build("x"); });
}

template <class Pattern, class... Arguments>
concept builds = requires(const Arguments&... arguments) { Pattern::build(arguments...); };

TEST(KeyPattern, RefusesAWrongNumberOrKindOfArguments) {
  static_assert(builds<key_pattern<"agent:{id}">, std::string>);
  static_assert(!builds<key_pattern<"agent:{id}">>);
  static_assert(!builds<key_pattern<"agent:{id}">, std::string, std::string>);
  static_assert(!builds<key_pattern<"agent:{id}">, double>);
}

TEST(KeyPattern, WritesNumbersAndBooleans) {
  EXPECT_EQ((key_pattern<"x:{a}:{b}:{c}">::build(-5, true, std::uint64_t{18446744073709551615u}).text()),
            "x:-5:true:18446744073709551615");
}

TEST(Escape, LeavesPlainTextAlone) {
  EXPECT_EQ(escaped("agt_xyz-789.A~z"), "agt_xyz-789.A~z");
  EXPECT_EQ(escaped("größe"), "größe");
}

TEST(Escape, WritesSeparatorsAndGlobCharactersAsHex) {
  EXPECT_EQ(escaped("a:b*c?d[e]f{g}h%i\\j k"), "a%3Ab%2Ac%3Fd%5Be%5Df%7Bg%7Dh%25i%5Cj%20k");
  EXPECT_EQ(escaped(std::string_view("\0\x7f\n", 3)), "%00%7F%0A");
}

TEST(Escape, KeepsAnEmptyArgumentApartFromAMissingOne) {
  EXPECT_EQ(escaped(""), "%");
  EXPECT_NE((key_pattern<"a:{x}:b">::build("").text()), "a::b");
}

TEST(Escape, NeverMapsTwoArgumentListsToOneKey) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::string_view alphabet = ":%*a3A{}";
  std::map<std::string, std::pair<std::string, std::string>> seen;
  for (int i = 0; i < 20000; ++i) {
    std::string a;
    std::string b;
    for (auto n = random() % 4; n > 0; --n) a += alphabet[random() % alphabet.size()];
    for (auto n = random() % 4; n > 0; --n) b += alphabet[random() % alphabet.size()];
    const auto text = key_pattern<"k:{a}:{b}">::build(a, b).text();
    const auto [at, fresh] = seen.try_emplace(text, a, b);
    ASSERT_TRUE(fresh || at->second == std::pair(a, b)) << text;
  }
}

TEST(Key, IsNotCacheableOverItsMaximumLength) {
  EXPECT_TRUE(key(std::string(key::max_length, 'x')).cacheable());
  EXPECT_FALSE(key(std::string(key::max_length + 1, 'x')).cacheable());
  EXPECT_FALSE(key().cacheable());
}

TEST(Key, TellsItsEntity) {
  EXPECT_EQ(key("agent:agt_1:config").entity(), "agent");
  EXPECT_EQ(key("stats").entity(), "stats");
}

}  // namespace
