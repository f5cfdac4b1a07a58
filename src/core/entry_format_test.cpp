#include "core/entry_format.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using strata::append_header;
using strata::entry_header;
using strata::entry_wrapping;
using strata::errc;
using strata::parse_entry;

std::string encoded(const entry_header& header, std::string_view body, const entry_wrapping& wrapping = {}) {
  std::string bytes;
  EXPECT_TRUE(append_header(bytes, header, wrapping));
  return bytes += body;
}

TEST(EntryFormat, GivesBackWhatWasPutIn) {
  const auto bytes =
      encoded({.asof = 0x0102030405060708, .life = 90s, .grace = 24h, .tags = {"a", "org:1"}}, "body");
  const auto entry = parse_entry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->header.asof, 0x0102030405060708u);
  EXPECT_EQ(entry->header.life, strata::duration(90s));
  EXPECT_EQ(entry->header.grace, strata::duration(24h));
  EXPECT_FALSE(entry->header.negative);
  EXPECT_EQ(entry->header.tags, (std::vector<std::string>{"a", "org:1"}));
  EXPECT_FALSE(entry->wrapping.zstd);
  EXPECT_EQ(entry->wrapping.key_id, 0u);
  EXPECT_EQ(entry->body, "body");
}

TEST(EntryFormat, GivesBackHowTheBodyIsWrapped) {
  EXPECT_TRUE(parse_entry(encoded({.asof = 1}, "frame", {.zstd = true}))->wrapping.zstd);
  entry_wrapping wrapping{.key_id = 0x01020304};
  for (unsigned char i = 0; i < 24; ++i) wrapping.nonce[i] = i;
  const auto bytes = encoded({.asof = 1, .negative = true}, "secret", wrapping);
  const auto entry = parse_entry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->wrapping.key_id, 0x01020304u);
  EXPECT_EQ(entry->wrapping.nonce, wrapping.nonce);
  EXPECT_TRUE(entry->header.negative);
  EXPECT_EQ(entry->body, "secret");
}

TEST(EntryFormat, KeepsAsofWhereAScriptCanReadIt) {
  const auto bytes = encoded({.asof = 0x0102030405060708, .life = 1s, .negative = true}, "");
  EXPECT_EQ(bytes.substr(4, 8), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(bytes.size(), 28u);
}

TEST(EntryFormat, RefusesEveryTruncationInsideTheHeader) {
  const auto bytes = encoded({.asof = 1, .life = 1s, .tags = {"tag"}}, "", {.key_id = 1});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto entry = parse_entry(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(entry) << size;
    EXPECT_EQ(entry.error().code, errc::corrupt_entry);
  }
  EXPECT_TRUE(parse_entry(bytes));
}

TEST(EntryFormat, RefusesForeignBytes) {
  EXPECT_FALSE(parse_entry(R"({"id":"agt_1","name":"not an entry"})"));
  EXPECT_FALSE(parse_entry("S2" + encoded({.asof = 1}, "a body of a newer version").substr(2)));
}

TEST(EntryFormat, RefusesToWriteWhatItsLengthFieldsCannotHold) {
  const auto refused = [](const entry_header& header, const entry_wrapping& wrapping = {}) {
    std::string bytes = "before";
    const auto done = append_header(bytes, header, wrapping);
    EXPECT_EQ(bytes, "before");
    return !done && done.error().code == errc::invalid_argument;
  };
  EXPECT_TRUE(refused({.tags = {std::string(65'536, 't'), "other"}}));
  EXPECT_TRUE(refused({.tags = {std::string(1025, 't')}}));
  EXPECT_TRUE(refused({.tags = {"other", ""}}));
  EXPECT_TRUE(refused({.tags = std::vector<std::string>(256, "t")}));
  EXPECT_TRUE(refused({.life = -1s}));
  EXPECT_TRUE(refused({.life = 367 * 24h}));
  EXPECT_TRUE(refused({.grace = 367 * 24h}));
  EXPECT_TRUE(refused({}, {.zstd = true, .key_id = 1}));
  EXPECT_TRUE(refused({}, {.authenticated = true}));
}

TEST(EntryFormat, TakesTheLongestTagsAndTheMost) {
  const entry_header header{.tags = std::vector<std::string>(255, std::string(1024, 't'))};
  const auto bytes = encoded(header, "body");
  const auto entry = parse_entry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->header.tags, header.tags);
  EXPECT_EQ(entry->body, "body");
}

TEST(EntryFormat, RefusesToReadATagThatNoWriterMakes) {
  auto bytes = encoded({.tags = {"ab"}}, std::string(2000, 'x'));
  bytes[29] = 0;
  EXPECT_FALSE(parse_entry(bytes)) << "an empty tag";
  bytes[28] = 5;
  EXPECT_FALSE(parse_entry(bytes)) << "a tag of 1280 bytes";
}

TEST(EntryFormat, RefusesFlagsItDoesNotKnow) {
  auto bytes = encoded({.asof = 1}, std::string(64, 'x'));
  for (const int flags : {16, 32, 64, 128, 2 | 4, 4 | 8}) {
    bytes[2] = static_cast<char>(flags);
    EXPECT_FALSE(parse_entry(bytes)) << flags;
  }
}

TEST(EntryFormat, RefusesEncryptionWithNoKey) {
  auto bytes = encoded({.asof = 1}, "", {.key_id = 1});
  bytes[31] = 0;
  EXPECT_FALSE(parse_entry(bytes));
}

TEST(EntryFormat, RefusesALifeOrGraceOutOfRange) {
  for (const std::size_t at : {12, 20}) {
    auto bytes = encoded({.asof = 1, .life = 1s, .grace = 1s}, "x");
    bytes[at] = '\x7f';
    EXPECT_FALSE(parse_entry(bytes)) << at;
  }
}

}  // namespace
