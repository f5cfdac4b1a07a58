#include "cli/bench_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strata/json.hpp>

#include <algorithm>

namespace strata::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const trace_contents sized{.trace = "shop.csv.gz",
                           .requests = 200,
                           .objects = 40,
                           .bytes = 3 << 20,
                           .requested_bytes = 16 << 20,
                           .has_sizes = true};

replay_run done(eviction_policy policy, std::uint64_t misses, std::uint64_t missed_bytes,
                std::uint64_t size = 1 << 20, replay_counts counts = replay_counts::capacity) {
  return {.options = {.size = {size}, .counts = counts, .policy = policy},
          .result = {.requests = 200,
                     .misses = misses,
                     .requested_size = {16 << 20},
                     .missed_size = {missed_bytes},
                     .evictions = 5,
                     .entries = 12,
                     .used = {1000}}};
}

capacity_sweep two_sizes() {
  capacity_sweep out{.counts = replay_counts::capacity, .whole = 3 << 20, .points = {}};
  out.points.push_back(
      {.fraction = 0.01,
       .size = 31457,
       .policies = {done(eviction_policy::s3camp, 100, 8 << 20), done(eviction_policy::lru, 150, 12 << 20)}});
  out.points.push_back(
      {.fraction = 1,
       .size = 3 << 20,
       .requested = true,
       .policies = {done(eviction_policy::s3camp, 40, 3 << 20), done(eviction_policy::lru, 40, 3 << 20)}});
  return out;
}

TEST(BenchReport, HasOneFigureALine) {
  const auto text = replay_text(sized, done(eviction_policy::lru, 50, 4 << 20));
  EXPECT_THAT(text, HasSubstr("object_miss_ratio  0.250000\nbyte_miss_ratio    0.250000\n"
                              "requests           200\nobjects            40\nbytes              3145728\n"));
  EXPECT_THAT(text, HasSubstr("\ncapacity           1048576\n"));
  EXPECT_THAT(text, Not(HasSubstr("memory")));
  EXPECT_THAT(replay_text(sized, done(eviction_policy::lru, 50, 1, 4096, replay_counts::memory)),
              HasSubstr("\nmemory             4096\n"));
}

TEST(BenchReport, KeepsTheNamesOfItsJson) {
  const auto parsed = json::parse(replay_json(sized, done(eviction_policy::s3fifo, 50, 2 << 20)));
  ASSERT_TRUE(parsed);
  std::vector<std::string> names;
  for (const auto& each : parsed->as_object()) names.emplace_back(each.key());
  EXPECT_THAT(names,
              ElementsAre("trace", "object_miss_ratio", "byte_miss_ratio", "requests", "objects", "bytes",
                          "requested_bytes", "policy", "objective", "memory", "capacity", "misses",
                          "missed_bytes", "evictions", "expirations", "rejected", "entries", "used"));
  EXPECT_EQ(parsed->at("object_miss_ratio").as_double(), 0.25);
  EXPECT_EQ(parsed->at("byte_miss_ratio").as_double(), 0.125);
  EXPECT_EQ(parsed->at("policy").as_string(), "s3fifo");
  EXPECT_EQ(parsed->at("capacity").to_number<int>(), 1 << 20);
  EXPECT_TRUE(parsed->at("memory").is_null());
}

TEST(BenchReport, PutsPoliciesSideBySide) {
  EXPECT_EQ(sweep_text(sized, two_sizes()),
            "shop.csv.gz: 200 requests for 40 objects of 3.0 MiB\n"
            "capacity: the trace's own sizes alone\n"
            "\n"
            "                         object_miss_ratio      byte_miss_ratio\n"
            " fraction     capacity     s3camp      lru      s3camp      lru\n"
            "      1 %     30.7 KiB     0.5000   0.7500      0.5000   0.7500\n"
            "    100 %      3.0 MiB<    0.2000   0.2000      0.1875   0.1875\n");
  const auto parsed = json::parse(sweep_json(sized, two_sizes()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("counts").as_string(), "capacity");
  const auto& second = parsed->at("points").as_array().at(1);
  EXPECT_EQ(second.at("size").to_number<int>(), 3 << 20);
  EXPECT_EQ(second.at("policies").as_array().at(1).at("policy").as_string(), "lru");
  EXPECT_EQ(second.at("policies").as_array().at(1).at("byte_miss_ratio").as_double(), 0.1875);
}

TEST(BenchReport, CountsObjectsWhereThereAreNoSizes) {
  auto unsized = sized;
  unsized.has_sizes = false;
  auto swept = two_sizes();
  EXPECT_THAT(sweep_text(unsized, swept), HasSubstr("40 objects without sizes"));
  EXPECT_THAT(sweep_text(unsized, swept), HasSubstr("   3145728<"));
  swept.counts = replay_counts::memory;
  EXPECT_THAT(sweep_text(unsized, swept), HasSubstr("3.0 MiB hold every object"));
}

TEST(BenchReport, SizesAreReadable) {
  EXPECT_EQ(readable_size(0, true), "0 B");
  EXPECT_EQ(readable_size(1023, true), "1023 B");
  EXPECT_EQ(readable_size(1024, true), "1.0 KiB");
  EXPECT_EQ(readable_size((1u << 20) - 1, true), "1.0 MiB");
  EXPECT_EQ(readable_size(~std::uint64_t{0}, true), "16.0 EiB");
  EXPECT_EQ(readable_size(2048, false), "2048");
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(BenchChart, DrawsALineAPolicyInEachPanel) {
  const auto svg = sweep_svg(sized, two_sizes());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(count(svg, "fill=\"none\""), 4u) << "two policies, two panels";
  EXPECT_EQ(count(svg, "miss ratio</text>"), 2u);
  EXPECT_EQ(count(svg, "stroke-dasharray"), 2u) << "the size that was asked for";
  // 1 % lies at the left end and 100 % at the right; half of all missed is half way up.
  EXPECT_THAT(svg, HasSubstr("d=\"M64.0 272.0L484.0 363.2\""));

  auto unsized = sized;
  unsized.has_sizes = false;
  EXPECT_EQ(count(sweep_svg(unsized, two_sizes()), "miss ratio</text>"), 1u) << "both would be the same";
}

TEST(BenchChart, WritesNamesThatCannotBreakIt) {
  auto odd = sized;
  odd.trace = "<script>&\"\n.csv";
  const auto svg = sweep_svg(odd, two_sizes());
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&amp;&quot;?.csv"));
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
}

TEST(BenchChart, DrawsASinglePointToo) {
  auto swept = two_sizes();
  swept.points.resize(1);
  const auto svg = sweep_svg(sized, swept);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  swept.points.clear();
  EXPECT_TRUE(sweep_svg(sized, swept).ends_with("</svg>\n"));
}

}  // namespace
}  // namespace strata::cli
