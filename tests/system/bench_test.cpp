// strata bench trace: known figures, and files that are not traces.

#include "tests/system/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strata/json.hpp>

#include <zlib.h>
#include <cmath>

namespace strata::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* traces = STRATA_SOURCE "/../shared/traces/";

struct BenchTrace : testing::Test {
  temp_folder folder;

  finished bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"bench", "trace"});
    return run(folder, arguments);
  }

  /// A loop over eighty keys, `rounds` times; every second key has 300 bytes, the others 100.
  static std::string loop(int rounds) {
    std::string text;
    for (int i = 0; i < 80 * rounds; ++i) {
      text += std::to_string(i) + ",k" + std::to_string(i % 80) + (i % 2 == 0 ? ",300\n" : ",100\n");
    }
    return text;
  }

  std::string zipped(const std::string& name, const std::string& text) const {
    const gzFile file = gzopen(folder.file(name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return folder.file(name);
  }
};

TEST_F(BenchTrace, PrintsWhatIsKnownOfALoop) {
  // LRU never hits in a loop that is larger than the cache, and always hits after the first round in one that
  // fits.
  const auto text = loop(10);
  for (const auto& file :
       {folder.write("loop.csv", text), zipped("loop.csv.gz", text), zipped("loop", text)}) {
    const auto small = bench({file, "--capacity", "15999", "--policy", "lru"});
    EXPECT_EQ(small.status, 0) << small.err;
    EXPECT_THAT(small.out,
                StartsWith("object_miss_ratio  1.000000\nbyte_miss_ratio    1.000000\n"
                           "requests           800\nobjects            80\nbytes              16000\n"
                           "requested_bytes    160000\n"));
    const auto whole = bench({file, "--capacity", "16000", "--policy", "lru", "--json"});
    EXPECT_EQ(whole.status, 0) << whole.err;
    EXPECT_EQ(whole.err, "");
    const auto parsed = json::parse(whole.out);
    ASSERT_TRUE(parsed) << whole.out;
    EXPECT_EQ(parsed->at("object_miss_ratio").as_double(), 0.1);
    EXPECT_EQ(parsed->at("byte_miss_ratio").as_double(), 0.1);
    EXPECT_EQ(parsed->at("capacity").to_number<int>(), 16000);
  }
  const auto counted = bench({folder.file("loop.csv"), "--memory", "1MiB"});
  EXPECT_THAT(counted.out,
              AllOf(StartsWith("object_miss_ratio  0.100000\n"), HasSubstr("memory             1048576\n")));
}

TEST_F(BenchTrace, TakesObjectsWhereThereAreNoSizes) {
  const auto file = folder.write("keys.csv", "0,a\n1,b\n2,a\n3,c\n4,a\n5,b\n");
  EXPECT_THAT(bench({file, "--capacity", "2", "--policy", "lru"}).out,
              StartsWith("object_miss_ratio  0.666667\n"));
  EXPECT_THAT(bench({file, "--memory", "1MiB"}).err, HasSubstr("keys.csv has no sizes"));
}

TEST_F(BenchTrace, SweepsAndDraws) {
  const auto file = zipped("loop.csv.gz", loop(200));
  const auto got = bench({file, "--sweep", "--capacity", "15999", "--svg", "loop.svg"});
  EXPECT_EQ(got.status, 0) << got.err;
  EXPECT_THAT(got.out, HasSubstr("s3camp   s3fifo      lru"));
  EXPECT_THAT(got.out, HasSubstr("    100 %     15.6 KiB     0.0050   0.0050   0.0050"));
  EXPECT_THAT(got.out, HasSubstr("15.6 KiB<"));
  EXPECT_THAT(read_file(folder.file("loop.svg")), AllOf(StartsWith("<svg "), HasSubstr("Byte miss ratio")));

  const auto one = bench({file, "--sweep", "--policy", "lru", "--memory", "1MiB", "--json"});
  const auto parsed = json::parse(one.out);
  ASSERT_TRUE(parsed) << one.out;
  EXPECT_EQ(parsed->at("counts").as_string(), "memory");
  const auto& last = parsed->at("points").as_array().back();
  EXPECT_EQ(last.at("size").to_number<int>(), 1 << 20);
  ASSERT_EQ(last.at("policies").as_array().size(), 1u);
  EXPECT_EQ(last.at("policies").as_array()[0].at("object_miss_ratio").as_double(), 0.005);

  const auto nowhere = bench({file, "--sweep", "--svg", "no/such/folder.svg"});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no/such/folder.svg cannot be written: No such file"));
}

TEST_F(BenchTrace, SaysWhatIsWrongWithAFile) {
  const auto refused = [&](const std::string& file, const std::string& why) {
    for (const bool swept : {false, true}) {
      const auto got = swept ? bench({file, "--sweep"}) : bench({file, "--capacity", "10"});
      EXPECT_EQ(got.status, 1) << file;
      EXPECT_EQ(got.out, "") << "no figures of half a trace";
      EXPECT_THAT(got.err, AllOf(StartsWith("strata: bench trace: "), HasSubstr(why))) << file;
    }
  };
  refused("missing.csv", "missing.csv: cannot be read: No such file or directory");
  refused(folder.path(), "it is a folder");
  refused(folder.write("empty.csv", ""), "empty.csv: the file has no request");
  refused(folder.write("page.html", "<html>\n"), "page.html:1: \"<html>\" is one field");
  refused(folder.write("words.csv", "0,a,1\n1,b,many\n"), "words.csv:2: size \"many\" is not a whole number");
  refused(folder.write("large.csv", "0,a,1\n1,b,2000000000000\n"),
          "large.csv:2: size \"2000000000000\" is more");
  refused(folder.write("millis.csv", "1700000000000,a,1\n"),
          "millis.csv:1: time \"1700000000000\" is more than");
  refused(folder.write("long.csv", "0,a,1\n0," + std::string(100'000, 'k') + ",1\n"),
          "long.csv:2: the line is longer");
  const auto whole = read_file(zipped("whole.csv.gz", loop(1000)));
  refused(folder.write("cut.csv.gz", whole.substr(0, whole.size() / 2)), "the gzip data stops in the middle");
}

TEST_F(BenchTrace, SaysHowItIsUsed) {
  const auto file = folder.write("loop.csv", loop(1));
  const auto refused = [&](std::vector<std::string> arguments, const std::string& why) {
    const auto got = run(folder, arguments);
    EXPECT_EQ(got.status, 2);
    EXPECT_THAT(got.err, HasSubstr(why));
  };
  refused({"bench"}, "strata: bench: ");
  refused({"bench", "trace"}, "strata: bench trace: FILE is required; strata help bench");
  refused({"bench", "trace", file}, "give the cache's size: --memory 64MiB counts all");
  refused({"bench", "trace", file, "--capacity", "1", "--memory", "1MiB"}, "--memory excludes --capacity");
  refused({"bench", "trace", file, "--capacity", "many"}, "\"many\" is neither a whole number nor a size");
  refused({"bench", "trace", file, "--capacity", "0"}, "holds nothing");
  refused({"bench", "trace", file, "--memory", "64"}, "--memory: \"64\" is not a size");
  refused({"bench", "trace", file, "--capacity", "1", "--policy", "mru"}, "mru not in {s3camp,s3fifo,lru}");
  refused({"bench", "trace", file, "--capacity", "1", "--svg", "x.svg"}, "--svg requires --sweep");
  refused({"bench", "trace", file, "--capacty=1"}, "did you mean --capacity?");
  EXPECT_THAT(run(folder, {"help", "bench"}).out, AllOf(HasSubstr("trace"), HasSubstr("--memory SIZE")));
  EXPECT_THAT(run(folder, {"completion", "bash"}).out, HasSubstr("bench) flags=\"trace --help --memory"));
}

TEST_F(BenchTrace, IsLruAsPublished) {
  if (!std::filesystem::exists(traces)) return;  // the loop above is known without them
  std::ifstream rows(std::string(traces) + "reference_miss_ratios.csv");
  std::size_t compared = 0;
  for (std::string row; std::getline(rows, row);) {
    std::istringstream fields(row);
    std::string trace, mode, algorithm, fraction, capacity, objects, bytes;
    for (auto* each : {&trace, &mode, &algorithm, &fraction, &capacity, &objects, &bytes}) {
      std::getline(fields, *each, ',');
    }
    const bool quick =
        trace == "web_cache2k_web12" || (trace == "kv_synth_meta_kvcache" && fraction == "0.1");
    if (algorithm != "lru" || !quick) continue;
    const auto got = bench(
        {traces + trace + ".csv.gz", "--capacity", capacity, "--policy", "lru", "--ignore-ttl", "--json"});
    const auto parsed = json::parse(got.out);
    ASSERT_TRUE(parsed) << got.err;
    EXPECT_NEAR(parsed->at("object_miss_ratio").as_double(), std::stod(objects), 1e-6) << row;
    EXPECT_NEAR(parsed->at("byte_miss_ratio").as_double(), std::stod(bytes), 1e-6) << row;
    ++compared;
  }
  EXPECT_EQ(compared, 4u);
}

}  // namespace
}  // namespace strata::system_test
