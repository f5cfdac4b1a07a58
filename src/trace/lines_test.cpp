#include "trace/lines.hpp"
#include "trace/test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <vector>

namespace strata::detail {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

/// All requests of `text`, read in pieces, and the error that ended them.
struct outcome {
  std::vector<trace_request> requests;
  std::string problem;
};
outcome read(std::string_view text, std::size_t piece = 1u << 20) {
  text_bytes raw(text, piece);
  unzipped_bytes bytes(raw);
  trace_lines lines(bytes);
  outcome out;
  for (trace_request each;;) {
    const auto more = lines.next(each);
    if (!more) {
      out.problem = more.error().detail;
      const auto again = lines.next(each);
      EXPECT_TRUE(!again && again.error().detail == out.problem) << "an error stays";
    }
    if (!more || !*more) return out;
    out.requests.push_back(each);
  }
}

std::string problem_of(std::string_view line) {
  trace_request ignored;
  return parse_trace_line(line, ignored).value_or("");
}

TEST(TraceLine, HasTimeKeySizeAndTtl) {
  const auto got = read("0,a,10\n1.5,b:2,0,60\n1e-3,\xc3\xa9 x,7,\n2,c\n3,c,5,0.25\r\n");
  ASSERT_EQ(got.problem, "");
  ASSERT_EQ(got.requests.size(), 5u);
  EXPECT_EQ(got.requests[0].key, "a");
  EXPECT_EQ(got.requests[0].size.count, 10u);
  EXPECT_EQ(got.requests[0].ttl, 0s);
  EXPECT_EQ(got.requests[1].time, 1500ms);
  EXPECT_EQ(got.requests[1].key, "b:2");
  EXPECT_EQ(got.requests[1].size.count, 0u);
  EXPECT_EQ(got.requests[1].ttl, 60s);
  EXPECT_EQ(got.requests[2].time, 1ms);
  EXPECT_EQ(got.requests[2].key, "\xc3\xa9 x");
  EXPECT_EQ(got.requests[2].ttl, 0s);
  EXPECT_EQ(got.requests[3].size.count, 1u) << "without a size an object counts 1";
  EXPECT_EQ(got.requests[4].ttl, 250ms);
}

TEST(TraceLine, NeedsNoLastLineFeedAndNoContent) {
  EXPECT_EQ(read("0,a,1\n0,b,1").requests.size(), 2u);
  EXPECT_EQ(read("").requests.size(), 0u);
  EXPECT_EQ(read("").problem, "");
}

TEST(TraceLine, MayBeAHeadingIfItIsTheFirst) {
  const auto got = read("time,key,size\n0,a,1\n");
  EXPECT_EQ(got.problem, "");
  EXPECT_EQ(got.requests.size(), 1u);
  EXPECT_THAT(read("0,a,1\ntime,key,size\n").problem, StartsWith("2: time \"time\" is not a number"));
}

TEST(TraceLine, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(problem_of(""), "the line is empty");
  EXPECT_EQ(problem_of("hello"), "\"hello\" is one field");
  EXPECT_EQ(problem_of("x,a,1"), "time \"x\" is not a number of seconds");
  EXPECT_EQ(problem_of("nan,a,1"), "time \"nan\" is not a number of seconds");
  EXPECT_EQ(problem_of("inf,a,1"), "time \"inf\" is not a number of seconds");
  EXPECT_EQ(problem_of("1 ,a,1"), "time \"1 \" is not a number of seconds");
  EXPECT_EQ(problem_of("-1,a,1"), "time \"-1\" is negative");
  EXPECT_THAT(problem_of("1700000000000,a,1"), HasSubstr("is it in other units than seconds?"));
  EXPECT_THAT(problem_of("1e999,a,1"), HasSubstr("is it in other units than seconds?"));
  EXPECT_EQ(problem_of("0,,1"), "the key is empty");
  EXPECT_EQ(problem_of("0,a,"), "size \"\" is not a whole number");
  EXPECT_EQ(problem_of("0,a,-1"), "size \"-1\" is not a whole number");
  EXPECT_EQ(problem_of("0,a,1.5"), "size \"1.5\" is not a whole number");
  EXPECT_THAT(problem_of("0,a,1099511627777"), HasSubstr("more than 1 TiB"));
  EXPECT_THAT(problem_of("0,a,99999999999999999999999"), HasSubstr("more than 1 TiB"));
  EXPECT_EQ(problem_of("0,a,1099511627776"), "");
  EXPECT_EQ(problem_of("0,a,1,-5"), "ttl \"-5\" is negative");
  EXPECT_EQ(problem_of("0,a,1,x"), "ttl \"x\" is not a number of seconds");
  EXPECT_EQ(problem_of("0,a,1,2,3"), "there are more than four fields");
}

TEST(TraceLine, ShowsNothingThatATerminalObeys) {
  EXPECT_EQ(problem_of("0,a,\x1b[2J\x07\"\xff"), "size \"?[2J???\" is not a whole number");
  EXPECT_LT(problem_of("0,a," + std::string(3000, 'x')).size(), 100u);
}

TEST(TraceLines, NameTheLineAndTheForm) {
  const auto got = read("0,a,1\n0,b,1\n0,c,many\n0,d,1\n");
  EXPECT_EQ(got.requests.size(), 2u);
  EXPECT_EQ(got.problem,
            "3: size \"many\" is not a whole number; a line of a trace is time,key[,size[,ttl]]");
}

TEST(TraceLines, AreAtMostSoLong) {
  const std::string longest = "0," + std::string(longest_trace_line - 4, 'k') + ",1";
  ASSERT_EQ(longest.size(), longest_trace_line);
  EXPECT_EQ(read("0,a,1\n" + longest + "\n").problem, "");
  EXPECT_THAT(read("0,a,1\n0" + longest + "\n").problem, StartsWith("2: the line is longer than 4096 bytes"));
  // One that never ends is not read to its end.
  EXPECT_THAT(read(std::string(1u << 20, '7')).problem, StartsWith("1: the line is longer"));
}

TEST(TraceLines, BoundTheSumOfSizes) {
  /// The same line for ever.
  class endless final : public byte_source {
   public:
    result<std::size_t> read(std::span<char> into) override {
      constexpr std::string_view line = "0,a,1099511627776\n";
      const auto times = into.size() / line.size();
      for (std::size_t i = 0; i < times; ++i) std::ranges::copy(line, into.data() + i * line.size());
      return times * line.size();
    }
  };
  endless bytes;
  trace_lines lines(bytes);
  trace_request each;
  auto more = lines.next(each);
  while (more && *more) more = lines.next(each);
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().detail, StartsWith("1048577: all sizes together are more than 1 EiB"));
}

TEST(TraceLines, AreTheSameInWhateverPiecesTheyCome) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i) + ",key" + std::to_string(i * i) + ",12,3\n";
  const auto packed = zipped(text);
  for (const std::size_t piece : {1u, 2u, 7u, 4096u, 1u << 20}) {
    for (const auto& form : {text, packed}) {
      const auto got = read(form, piece);
      EXPECT_EQ(got.problem, "");
      ASSERT_EQ(got.requests.size(), 3000u) << piece;
      EXPECT_EQ(got.requests.back().key, "key" + std::to_string(2999 * 2999));
    }
  }
}

TEST(TraceGzip, IsToldByItsFirstBytesAndMayHaveMembers) {
  EXPECT_EQ(read(zipped("0,a,1\n") + zipped("1,b,1\n") + zipped("") + zipped("2,c,1")).requests.size(), 3u);
}

TEST(TraceGzip, CutOffAnywhereIsAnErrorAfterItsLastGoodLine) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += std::to_string(i) + ",key" + std::to_string(i * 7919 % 500) + ",12\n";
  const auto packed = zipped(text);
  for (std::size_t size = 2; size < packed.size(); ++size) {
    const auto got = read(packed.substr(0, size));
    ASSERT_THAT(got.problem, HasSubstr("the gzip data stops in the middle")) << size;
    ASSERT_THAT(got.problem, StartsWith(" after line ")) << size;
  }
}

TEST(TraceGzip, DamagedIsAnError) {
  auto packed = zipped("0,a,1\n1,b,1\n");
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);  // of the checksum
  EXPECT_THAT(read(packed).problem, HasSubstr("the gzip data is damaged (incorrect data check)"));
  EXPECT_THAT(read(zipped("0,a,1\n") + "and more").problem, HasSubstr("the gzip data is damaged"));
}

TEST(TraceReader, NamesTheFile) {
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto missing = trace_reader::open(folder / "no_such_trace.csv");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().detail, HasSubstr("no_such_trace.csv: cannot be read: No such file"));
  const auto of_folder = trace_reader::open(folder);
  ASSERT_FALSE(of_folder);
  EXPECT_THAT(of_folder.error().detail, HasSubstr("it is a folder"));

  const auto path = folder / "strata_trace_reader_test.csv.gz";
  std::ofstream(path, std::ios::binary) << zipped("0,a,1\n0,b,x\n");
  auto trace = trace_reader::open(path);
  ASSERT_TRUE(trace);
  trace_request each;
  EXPECT_TRUE(trace->next(each).value_or(false));
  const auto wrong = trace->next(each);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().detail, StartsWith(path.string() + ":2: size \"x\""));
  EXPECT_EQ(trace->position(), trace->file_size());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace strata::detail
