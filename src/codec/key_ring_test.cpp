#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <array>
#include <atomic>
#include <thread>

namespace {

using strata::bad_options;
using strata::key_ring;
using strata::detail::key_bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The same key in each form: the bytes 0 to 31.
constexpr auto hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr auto base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

std::vector<std::string> problems_of(std::string_view text) {
  try {
    const key_ring ring(text);
  } catch (const bad_options& wrong) {
    return wrong.problems();
  }
  return {};
}

TEST(KeyRing, ReadsHexAndBothAlphabetsOfBase64) {
  key_ring ring;
  ring.add(1, hex);
  ring.add(2, base64);
  ring.add(3, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  std::array<std::byte, 32> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
  ring.add(4, key);
  for (const std::uint32_t id : {1, 2, 3, 4}) {
    ASSERT_NE(key_bytes(ring, id), nullptr);
    for (unsigned char i = 0; i < 32; ++i) EXPECT_EQ(key_bytes(ring, id)[i], i) << id;
  }
  ring.add(5, "-_" + std::string(41, 'A'));
  ring.add(6, "+/" + std::string(41, 'A'));
  EXPECT_TRUE(std::equal(key_bytes(ring, 5), key_bytes(ring, 5) + 32, key_bytes(ring, 6)));
}

TEST(KeyRing, LetsTheFirstKeyWriteUntilToldOtherwise) {
  key_ring ring;
  EXPECT_EQ(ring.active(), 0u);
  ring.add(7, key_ring::generate());
  ring.add(9, key_ring::generate());
  EXPECT_EQ(ring.active(), 7u);
  ring.activate(9);
  EXPECT_EQ(ring.active(), 9u);
  EXPECT_THAT(ring.ids(), ElementsAre(7, 9));
  EXPECT_THROW(ring.activate(8), bad_options);
  EXPECT_THROW(ring.activate(0), bad_options);
  EXPECT_EQ(ring.active(), 9u);
}

TEST(KeyRing, ReadsAWholeRingFromText) {
  const key_ring ring("  2:" + key_ring::generate() + ", 1:" + hex + "\n");
  EXPECT_THAT(ring.ids(), ElementsAre(2, 1));
  EXPECT_EQ(ring.active(), 2u);
  EXPECT_EQ(key_bytes(ring, 3), nullptr);
  EXPECT_EQ(key_bytes(ring, 0), nullptr);
}

TEST(KeyRing, NamesEveryProblemAndNoKey) {
  const std::string almost = std::string(hex).substr(1);
  const auto found =
      problems_of("1:" + almost + " x:" + hex + " " + hex + " 0:" + hex + " 4:" + hex + " 4:" + hex);
  EXPECT_THAT(found,
              ElementsAre(HasSubstr("key 1 must be 32 bytes"), HasSubstr("item 2"), HasSubstr("item 3"),
                          HasSubstr("must not be 0"), HasSubstr("key 4 is there already")));
  for (const auto& each : found) EXPECT_THAT(each, Not(HasSubstr("0a0b")));
}

TEST(KeyRing, RefusesAnEmptyTextAndAKeyOfZeros) {
  EXPECT_THAT(problems_of(" , "), ElementsAre(HasSubstr("holds no")));
  EXPECT_THAT(problems_of("1:" + std::string(64, '0')), ElementsAre(HasSubstr("all zeros")));
  EXPECT_THAT(problems_of("4294967296:" + std::string(hex)), ElementsAre(HasSubstr("item 1")));
}

TEST(KeyRing, RefusesAKeyOfAnotherLength) {
  key_ring ring;
  for (const auto* text : {"", "00", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAA==",
                           "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8!"}) {
    EXPECT_THROW(ring.add(1, text), bad_options) << text;
  }
  EXPECT_THROW(ring.add(1, std::string(hex) + "00"), bad_options);
  EXPECT_EQ(ring.active(), 0u);
}

TEST(KeyRing, HoldsSoManyKeysAndNoMore) {
  key_ring ring;
  for (std::uint32_t id = 1; id <= key_ring::max_keys; ++id) ring.add(id, hex);
  EXPECT_THROW(ring.add(1000, hex), bad_options);
  EXPECT_EQ(ring.ids().size(), key_ring::max_keys);
}

TEST(KeyRing, IsReadWhileItIsAddedTo) {
  key_ring ring("1:" + std::string(hex));
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto* key = key_bytes(ring, ring.active());
        if (key == nullptr || key[31] != 31) ++wrong;
      }
    });
  }
  for (std::uint32_t id = 2; id <= key_ring::max_keys; ++id) {
    ring.add(id, hex);
    ring.activate(id);
  }
  stop = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(wrong, 0);
}

TEST(KeyRing, GeneratesAnotherKeyEachTime) {
  EXPECT_NE(key_ring::generate(), key_ring::generate());
}

}  // namespace
