#include "core/entry_format.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using strata::append_header;
using strata::decode_entry;
using strata::entry_header;
using strata::errc;

std::string encoded(const entry_header& header, std::string_view payload) {
  std::string bytes;
  append_header(bytes, header);
  return bytes += payload;
}

TEST(EntryFormat, GivesBackWhatWasPutIn) {
  const auto bytes = encoded(
      {.asof = 0x0102030405060708, .life = 90s, .negative = false, .tags = {"a", "org:1"}}, "payload");
  const auto entry = decode_entry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->header.asof, 0x0102030405060708u);
  EXPECT_EQ(entry->header.life, strata::duration(90s));
  EXPECT_FALSE(entry->header.negative);
  EXPECT_EQ(entry->header.tags, (std::vector<std::string>{"a", "org:1"}));
  EXPECT_EQ(entry->payload, "payload");
}

TEST(EntryFormat, KeepsAsofWhereAScriptCanReadIt) {
  const auto bytes = encoded({.asof = 0x0102030405060708, .life = 1s, .negative = true, .tags = {}}, "");
  EXPECT_EQ(bytes.substr(4, 8), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(bytes.size(), 28u);
}

TEST(EntryFormat, RefusesEveryTruncationInsideTheHeader) {
  const auto bytes = encoded({.asof = 1, .life = 1s, .negative = false, .tags = {"tag"}}, "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto entry = decode_entry(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(entry) << size;
    EXPECT_EQ(entry.error().code, errc::corrupt_entry);
  }
}

TEST(EntryFormat, RefusesForeignBytesAndNewerFlags) {
  EXPECT_FALSE(decode_entry(R"({"id":"agt_1","name":"not an entry"})"));
  auto bytes = encoded({.asof = 1, .life = 1s, .negative = false, .tags = {}}, "x");
  bytes[2] = '\x40';
  EXPECT_FALSE(decode_entry(bytes));
  EXPECT_FALSE(decode_entry(encoded({.asof = 1, .life = 1s, .negative = true, .tags = {}}, "x")));
}

TEST(EntryFormat, RefusesALifeOutOfRange) {
  auto bytes = encoded({.asof = 1, .life = 1s, .negative = false, .tags = {}}, "x");
  bytes[12] = '\x7f';
  EXPECT_FALSE(decode_entry(bytes));
}

}  // namespace
