#include "redis/format/store_format.hpp"
#include "redis/format/key_slot.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace strata::redis {
namespace {

TEST(StoreFormat, NamesALeaseAfterItsKeyAndInItsSlot) {
  EXPECT_EQ(lease_name("strata:agent:agt_1"), "strata-lease:{strata:agent:agt_1}");
  EXPECT_EQ(lease_name("strata:{org_1}:agent"), "strata-lease:{org_1}strata:{org_1}:agent");
}

TEST(StoreFormat, KeepsEveryKeyAndItsLeaseTogetherWhateverTheirBraces) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::string> keys;
  std::set<std::string> leases;
  for (int i = 0; i < 20'000; ++i) {
    std::string key = i % 2 == 0 ? "strata:" : "";
    for (auto left = 1 + random() % 8; left > 0; --left) key += "{}ab:"[random() % 5];
    keys.insert(key);
    const auto lease = lease_name(key);
    leases.insert(lease);
    ASSERT_EQ(slot_of(lease), slot_of(key)) << key;
    ASSERT_EQ(key_of_lease(lease), key) << lease;
    ASSERT_TRUE(is_beside(lease));
  }
  EXPECT_EQ(leases.size(), keys.size());
}

TEST(StoreFormat, PutsClockAndFloorsInOneSlot) {
  const store_names names("strata");
  EXPECT_EQ(slot_of(names.clock), slot_of(names.floors));
  EXPECT_EQ(names.prefix, "strata:");
  EXPECT_TRUE(is_beside(names.clock));
  EXPECT_TRUE(is_beside(names.floors));
}

TEST(StoreFormat, WritesAHeaderByteByByte) {
  const value_header header{.expired = true, .epoch = 0x01020304, .asof = 7, .end = 0x1122334455667788};
  const std::string expected("R1\x01\0\x01\x02\x03\x04\0\0\0\0\0\0\0\x07\x11\x22\x33\x44\x55\x66\x77\x88rest",
                             28);
  EXPECT_EQ(encode_value(header, "rest"), expected);
  const auto back = decode_header(expected);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->expired);
  EXPECT_FALSE(back->record);
  EXPECT_EQ(back->epoch, header.epoch);
  EXPECT_EQ(back->asof, header.asof);
  EXPECT_EQ(back->end, header.end);
}

TEST(StoreFormat, TakesNothingForAValueThatIsNone) {
  const auto good = encode_value({.record = true}, "x");
  EXPECT_TRUE(decode_header(good));
  for (std::size_t cut = 0; cut < value_header::size; ++cut) EXPECT_FALSE(decode_header(good.substr(0, cut)));
  auto other = good;
  other[1] = '2';
  EXPECT_FALSE(decode_header(other));
  other = good;
  other[2] = 4;
  EXPECT_FALSE(decode_header(other));
}

TEST(StoreFormat, ReadsFloorsBack) {
  const floor_entry soft{.bucket = 1u << 20, .asof = 900, .soft = true};
  EXPECT_EQ(floor_field(soft), "1048576s");
  const auto back = parse_floor("1048576s", "900");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->bucket, soft.bucket);
  EXPECT_EQ(back->asof, soft.asof);
  EXPECT_TRUE(back->soft);
  EXPECT_FALSE(parse_floor("s", "1"));
  EXPECT_FALSE(parse_floor("1", "x"));
}

TEST(StoreFormat, ReadsTheNews) {
  const std::string origin = "0123456789abcdef";
  const auto message = origin + std::string("c\0\3abc\0\0\0\1z", 11);
  const auto changed = parse_news(message);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->origin, origin);
  EXPECT_EQ(std::get<news::changed>(changed->what), (news::changed{"abc", "", "z"}));
  const auto floors = parse_news(origin + "f12=8 12s=9");
  ASSERT_TRUE(floors);
  ASSERT_EQ(std::get<news::floors>(floors->what).size(), 2u);
  EXPECT_TRUE(std::get<news::floors>(floors->what)[1].soft);
  EXPECT_EQ(std::get<news::cleared>(parse_news(origin + "l3")->what).epoch, 3u);
  EXPECT_EQ(std::get<news::new_epoch>(parse_news(origin + "e4")->what).epoch, 4u);
}

TEST(StoreFormat, RefusesNewsThatItCannotTrust) {
  const std::string origin = "0123456789abcdef";
  for (const auto& rest : {std::string(), std::string("x"), std::string("c\0", 2), std::string("c\0\4abc", 6),
                           std::string("f12"), std::string("f=1"), std::string("l"), std::string("e-1")}) {
    EXPECT_FALSE(parse_news(origin + rest)) << rest;
  }
  EXPECT_FALSE(parse_news("short"));
}

}  // namespace
}  // namespace strata::redis
