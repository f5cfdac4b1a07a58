#include "codec/envelope.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>
#include <cstring>
#include <random>

namespace {

using namespace std::chrono_literals;
using strata::entry_header;
using strata::errc;
using strata::key_ring;
using strata::detail::check_entry;
using strata::detail::open_entry;
using strata::detail::open_options;
using strata::detail::seal_options;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto name = "strata:user:usr_1:permissions";
const entry_header header{.asof = 42, .life = 60s, .grace = 1h, .tags = {"org:1", "users"}};

std::string long_text() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += fmt::format(R"({{"permission":"agents:{}","granted":true}},)", i);
  return text;
}

std::string bytes_of(const entry_header& of, std::string_view payload, const seal_options& how) {
  return *strata::detail::seal_entry(of, payload, how);
}

/// One entry of each kind, and how it is opened.
struct sealed {
  const char* kind;
  std::string bytes;
  std::string payload;
  open_options how;
};

std::vector<sealed> one_of_each(const key_ring& keys) {
  const auto text = long_text();
  entry_header absent = header;
  absent.negative = true;
  const open_options clear{.name = name};
  const open_options authentic{.name = name, .keys = &keys};
  const open_options secret{.name = name, .keys = &keys, .sensitive = true};
  return {
      {"clear", bytes_of(header, "payload", {.name = name}), "payload", clear},
      {"empty", bytes_of(header, "", {.name = name}), "", clear},
      {"zstd", bytes_of(header, text, {.name = name}), text, clear},
      {"absent", bytes_of(absent, "", {.name = name}), "", clear},
      {"authentic", bytes_of(header, "payload", {.name = name, .keys = &keys}), "payload", authentic},
      {"authentic zstd", bytes_of(header, text, {.name = name, .keys = &keys}), text, authentic},
      {"absent, authentic", bytes_of(absent, "", {.name = name, .keys = &keys}), "", authentic},
      {"encrypted", bytes_of(header, "payload", {.name = name, .keys = &keys, .sensitive = true}), "payload",
       secret},
      {"absent, encrypted", bytes_of(absent, "", {.name = name, .keys = &keys, .sensitive = true}), "",
       secret},
  };
}

void expect_refused(const sealed& entry, std::string_view bytes, const std::string& why) {
  const auto opened = open_entry(bytes, entry.how);
  ASSERT_FALSE(opened) << entry.kind << ": " << why;
  EXPECT_THAT(opened.error().code, testing::AnyOf(errc::corrupt_entry, errc::unauthentic_entry));
  EXPECT_FALSE(check_entry(bytes, entry.how)) << entry.kind << ": " << why;
}

class Envelope : public ::testing::Test {
 protected:
  key_ring keys{"1:" + key_ring::generate()};
};

TEST_F(Envelope, GivesBackWhatWasSealed) {
  for (const auto& each : one_of_each(keys)) {
    const auto opened = open_entry(each.bytes, each.how);
    ASSERT_TRUE(opened) << each.kind << ": " << opened.error().detail;
    EXPECT_EQ(opened->payload(), each.payload) << each.kind;
    EXPECT_EQ(opened->header.asof, 42u);
    EXPECT_EQ(opened->header.life, strata::duration(60s));
    EXPECT_EQ(opened->header.grace, strata::duration(1h));
    EXPECT_EQ(opened->header.tags, header.tags);
    EXPECT_EQ(opened->header.negative, std::string_view(each.kind).starts_with("absent"));
    EXPECT_TRUE(check_entry(each.bytes, each.how)) << each.kind;
    EXPECT_EQ(each.bytes.substr(4, 8), std::string("\0\0\0\0\0\0\0\x2a", 8)) << "asof is for scripts to read";
  }
}

TEST_F(Envelope, AnOpenedEntryMayBeMoved) {
  auto opened = *open_entry(bytes_of(header, "short", {.name = name, .keys = &keys, .sensitive = true}),
                            {.name = name, .keys = &keys});
  const auto moved = std::move(opened);
  EXPECT_EQ(moved.payload(), "short");
}

TEST_F(Envelope, RefusesEveryTruncationAndEveryLongerOne) {
  for (const auto& each : one_of_each(keys)) {
    for (std::size_t size = 0; size < each.bytes.size(); ++size) {
      expect_refused(each, std::string_view(each.bytes).substr(0, size), fmt::format("cut at {}", size));
    }
    expect_refused(each, each.bytes + '\0', "a byte more");
  }
}

TEST_F(Envelope, RefusesEveryFlippedBit) {
  for (const auto& each : one_of_each(keys)) {
    auto bytes = each.bytes;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      expect_refused(each, bytes, fmt::format("bit {}", bit));
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    }
  }
}

TEST_F(Envelope, RefusesRandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 200, '\0');
    for (auto& each : bytes) each = static_cast<char>(random());
    if (bytes.size() > 28 && i % 2 == 0) {
      bytes.replace(0, 4, std::string("S1\0\0", 4));
      bytes[2] = static_cast<char>(random() % 8);
      bytes[3] = static_cast<char>(random() % 3);
      bytes.replace(12, 16, std::string(16, '\0'));
    }
    ASSERT_FALSE(open_entry(bytes, {.name = name, .keys = &keys}));
  }
}

TEST_F(Envelope, OpensUnderItsOwnNameOnly) {
  for (auto& each : one_of_each(keys)) {
    for (const auto* other : {"strata:user:usr_2:permissions", "other:user:usr_1:permissions", ""}) {
      each.how.name = other;
      expect_refused(each, each.bytes, other);
    }
  }
}

TEST_F(Envelope, BytesCannotMoveBetweenNameAndHeader) {
  const auto bytes =
      bytes_of({.asof = 1, .tags = {}}, "payload", {.name = "ab", .keys = &keys, .sensitive = true});
  EXPECT_TRUE(open_entry(bytes, {.name = "ab", .keys = &keys}));
  EXPECT_FALSE(open_entry(bytes, {.name = "a", .keys = &keys}));
  EXPECT_FALSE(open_entry(bytes, {.name = "b", .keys = &keys}));
}

TEST_F(Envelope, SaysWhichKeyIsMissing) {
  const auto bytes = bytes_of(header, "payload", {.name = name, .keys = &keys, .sensitive = true});
  const key_ring other("9:" + key_ring::generate());
  const key_ring* const rings[] = {nullptr, &other};
  for (const auto* ring : rings) {
    const auto opened = open_entry(bytes, {.name = name, .keys = ring});
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().detail, HasSubstr("key 1, which is not in the ring"));
  }
}

TEST_F(Envelope, RefusesAnotherKeyOfTheSameId) {
  const auto bytes = bytes_of(header, "payload", {.name = name, .keys = &keys, .sensitive = true});
  const key_ring other("1:" + key_ring::generate());
  const auto opened = open_entry(bytes, {.name = name, .keys = &other});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("not authentic under key 1"));
}

TEST_F(Envelope, RotationReadsTheOldAndWritesTheNew) {
  const auto before = bytes_of(header, "payload", {.name = name, .keys = &keys, .sensitive = true});
  keys.add(2, key_ring::generate());
  keys.activate(2);
  const auto after = bytes_of(header, "payload", {.name = name, .keys = &keys, .sensitive = true});
  EXPECT_EQ(strata::parse_entry(after)->wrapping.key_id, 2u);
  for (const auto& bytes : {before, after}) {
    EXPECT_EQ(open_entry(bytes, {.name = name, .keys = &keys})->payload(), "payload");
  }
}

TEST_F(Envelope, BelievesNothingInClearWhereTheValueIsSensitive) {
  const auto planted = bytes_of(header, R"(["admin"])", {.name = name});
  const auto opened = open_entry(planted, {.name = name, .keys = &keys, .sensitive = true});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("in clear"));
}

TEST_F(Envelope, BelievesNothingWithoutAMacWhereThereAreKeys) {
  // Every writer to the store can compute the checksum.
  const auto planted = bytes_of(header, R"({"is_admin":true})", {.name = name});
  const auto opened = open_entry(planted, {.name = name, .keys = &keys});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::unauthentic_entry);
  EXPECT_THAT(opened.error().detail, HasSubstr("carries no MAC"));
  const key_ring none;
  EXPECT_TRUE(open_entry(planted, {.name = name, .keys = &none})) << "a ring without keys is no ring";
}

TEST_F(Envelope, AnAuthenticValueIsNoSecretOne) {
  const auto readable = bytes_of(header, R"(["admin"])", {.name = name, .keys = &keys});
  EXPECT_THAT(readable, HasSubstr("admin"));
  const auto opened = open_entry(readable, {.name = name, .keys = &keys, .sensitive = true});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::unauthentic_entry);
}

TEST_F(Envelope, HidesThePayloadAndNeverTheSameWayTwice) {
  const auto one =
      bytes_of(header, "correct horse battery", {.name = name, .keys = &keys, .sensitive = true});
  const auto two =
      bytes_of(header, "correct horse battery", {.name = name, .keys = &keys, .sensitive = true});
  EXPECT_THAT(one, Not(HasSubstr("horse")));
  EXPECT_NE(one, two);
}

TEST_F(Envelope, NeverCompressesASecret) {
  const std::string even(5000, 'a');
  const auto secret = bytes_of(header, even, {.name = name, .keys = &keys, .sensitive = true});
  const auto clear = bytes_of(header, even, {.name = name});
  EXPECT_GT(secret.size(), even.size());
  EXPECT_LT(clear.size(), 200u);
}

TEST_F(Envelope, ShowsTheSizeOfWhatIsTooLargeByNotCompressingIt) {
  const std::string even(5000, 'a');
  const auto bytes = bytes_of(header, even, {.name = name, .max_size = 4999});
  EXPECT_GT(bytes.size(), even.size());
  const auto packed = bytes_of(header, even, {.name = name, .max_size = 5000});
  EXPECT_TRUE(open_entry(packed, {.name = name, .max_size = 5000}));
  const auto refused = open_entry(packed, {.name = name, .max_size = 4999});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("over the limit"));
}

TEST_F(Envelope, RefusesAnAbsenceThatHasAPayload) {
  // What another writer of this format might do wrong, with its checksum right.
  std::string bytes;
  ASSERT_TRUE(strata::append_header(bytes, {.asof = 1, .negative = true}));
  bytes += "payload";
  const auto sum = XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(name, std::strlen(name)));
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(sum >> shift & 0xff);
  const auto opened = open_entry(bytes, {.name = name});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("a negative entry has a payload"));
}

}  // namespace
