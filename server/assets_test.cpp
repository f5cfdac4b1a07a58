#include "server/assets.hpp"

#include "server/response_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace strata::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using fields = std::vector<std::pair<std::string, std::string>>;

const std::string style(3000, 'a');
constexpr std::chrono::sys_seconds modified(std::chrono::seconds(784111777));

class Assets : public ::testing::Test {
 protected:
  struct sent {
    int status = 0;
    std::string head;
    std::string body;
    std::string field(std::string_view name) const {
      const auto wanted = "\n" + std::string(name) + ": ";
      const auto at = head.find(wanted);
      if (at == std::string::npos) return {};
      const auto start = at + wanted.size();
      return head.substr(start, head.find('\r', start) - start);
    }
  };

  sent ask(std::string_view target, const fields& with = {}, std::string_view method = "GET",
           std::chrono::sys_seconds now = modified + std::chrono::hours(1)) {
    test_request asked(method, target, with);
    sent got;
    auto answer = sync_wait(routes_.dispatch(*asked));
    const auto out = write_response(*asked, std::move(answer), {.now = now}, got.head);
    got.status = out.status;
    got.body = out.body();
    EXPECT_EQ(out.bytes, got.head.size() + got.body.size());
    return got;
  }

  const std::vector<embedded_file> files_{{"a.css", style, modified}, {"b.png", "0123456789", modified}};
  const asset_library library_{files_, "/assets"};
  router routes_;

  Assets() { library_.serve(routes_); }
};

TEST_F(Assets, AreImmutableUnderTheirHashedNameAndKeptForAnHourUnderTheirOwn) {
  const auto hashed = std::string(library_.path("a.css"));
  EXPECT_THAT(hashed, ::testing::MatchesRegex("/assets/a\\.[0-9a-f]+\\.css"));
  EXPECT_EQ(ask(hashed).field("Cache-Control"), "public, max-age=31536000, immutable");
  const auto own = ask("/assets/a.css");
  EXPECT_EQ(own.field("Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(own.body, style);
  EXPECT_EQ(own.field("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(own.field("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(own.field("Accept-Ranges"), "bytes");
  const auto missing = ask("/assets/a.0000000000000000.css");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.field("Cache-Control"), "no-store");
  EXPECT_THROW(library_.path("c.css"), std::out_of_range);
}

TEST_F(Assets, AreSentCompressedWithATagOfTheirOwn) {
  const auto plain = ask("/assets/a.css").field("ETag");
  std::set<std::string> tags{plain};
  for (const auto* coding : {"gzip", "zstd"}) {
    const auto got = ask("/assets/a.css", {{"Accept-Encoding", coding}});
    EXPECT_EQ(got.field("Content-Encoding"), coding);
    EXPECT_LT(got.body.size(), 100u);
    EXPECT_EQ(got.field("Vary"), "Accept-Encoding");
    tags.insert(got.field("ETag"));
    EXPECT_EQ(
        ask("/assets/a.css", {{"Accept-Encoding", coding}, {"If-None-Match", got.field("ETag")}}).status,
        304);
  }
  EXPECT_EQ(tags.size(), 3u);
  EXPECT_EQ(ask("/assets/b.png", {{"Accept-Encoding", "gzip"}}).field("Content-Encoding"), "");
}

TEST_F(Assets, AreRevalidatedByDateToo) {
  const fields since{{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  EXPECT_EQ(ask("/assets/a.css", since).status, 304);
  // In the second of the change another change may follow, so the date names no version yet.
  EXPECT_EQ(ask("/assets/a.css", since, "GET", modified).status, 200);
  EXPECT_EQ(ask("/assets/a.css", {}, "GET", modified).field("Last-Modified"), "");
}

TEST_F(Assets, OnePartIsA206) {
  const auto got = ask("/assets/b.png", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(got.status, 206);
  EXPECT_THAT(got.head, HasSubstr("HTTP/1.1 206 Partial Content\r\n"));
  EXPECT_EQ(got.body, "234");
  EXPECT_EQ(got.field("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(got.field("Content-Length"), "3");
  EXPECT_EQ(got.field("Content-Type"), "image/png");
  EXPECT_EQ(got.field("ETag"), ask("/assets/b.png").field("ETag"));
  EXPECT_EQ(got.field("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(got.field("Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=-3"}}).body, "789");
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=0-"}}).field("Content-Range"), "bytes 0-9/10");
}

TEST_F(Assets, SeveralPartsAreAMultipart) {
  const auto got = ask("/assets/b.png", {{"Range", "bytes=7-8,0-1"}});
  EXPECT_EQ(got.status, 206);
  EXPECT_EQ(got.field("Content-Range"), "");
  const auto type = got.field("Content-Type");
  ASSERT_TRUE(type.starts_with("multipart/byteranges; boundary=")) << type;
  const auto line = "\r\n--" + type.substr(31);
  EXPECT_EQ(got.body, line + "\r\nContent-Type: image/png\r\nContent-Range: bytes 7-8/10\r\n\r\n78" + line +
                          "\r\nContent-Type: image/png\r\nContent-Range: bytes 0-1/10\r\n\r\n01" + line +
                          "--\r\n");
  EXPECT_EQ(got.field("Content-Length"), std::to_string(got.body.size()));
}

TEST_F(Assets, ARangeIsOfTheCodedForm) {
  const fields zstd{{"Accept-Encoding", "zstd"}};
  const auto whole = ask("/assets/a.css", zstd);
  auto with = zstd;
  with.emplace_back("Range", "bytes=0-3");
  const auto got = ask("/assets/a.css", with);
  EXPECT_EQ(got.status, 206);
  EXPECT_EQ(got.body, whole.body.substr(0, 4));
  EXPECT_EQ(got.field("Content-Encoding"), "zstd");
  EXPECT_EQ(got.field("ETag"), whole.field("ETag"));
  EXPECT_EQ(got.field("Vary"), "Accept-Encoding");
}

TEST_F(Assets, IfRangeAsksForTheWholeIfItChanged) {
  const auto tag = ask("/assets/b.png").field("ETag");
  const auto with = [&](std::string_view condition) {
    return ask("/assets/b.png", {{"Range", "bytes=0-0"}, {"If-Range", std::string(condition)}}).status;
  };
  EXPECT_EQ(with(tag), 206);
  EXPECT_EQ(with("Sun, 06 Nov 1994 08:49:37 GMT"), 206);
  EXPECT_EQ(with("\"other\""), 200);
  EXPECT_EQ(with("W/" + tag), 200);
  EXPECT_EQ(with("Sun, 06 Nov 1994 08:49:38 GMT"), 200);
}

TEST_F(Assets, ARangeBeyondTheEndIsA416) {
  const auto got = ask("/assets/b.png", {{"Range", "bytes=10-"}});
  EXPECT_EQ(got.status, 416);
  EXPECT_THAT(got.head, HasSubstr("HTTP/1.1 416 Range Not Satisfiable\r\n"));
  EXPECT_EQ(got.field("Content-Range"), "bytes */10");
  EXPECT_EQ(got.field("Cache-Control"), "no-store");
}

TEST_F(Assets, ARangeCountsForAGetThatIsNotA304) {
  const auto tag = ask("/assets/b.png").field("ETag");
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=0-0"}}, "HEAD").status, 200);
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=0-0"}, {"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=0-0"}, {"If-Match", "\"other\""}}).status, 412);
  EXPECT_EQ(ask("/assets/b.png", {{"Range", "bytes=0-0"}, {"Range", "bytes=2-2"}}).status, 200);
}

TEST(AssetLibrary, RefusesWhatItCannotServe) {
  const std::vector<embedded_file> twice{{"a.css", "", modified}, {"a.css", "", modified}};
  EXPECT_THROW(asset_library(twice, "/assets"), std::invalid_argument);
  const std::vector<embedded_file> odd{{"a.exe", "", modified}};
  EXPECT_THROW(asset_library(odd, "/assets"), std::invalid_argument);
}

TEST(Pages, CarryAPolicyThatForbidsInlineScripts) {
  test_request asked("GET", "/");
  for (const auto& [type, is_page] : {std::pair(static_text("text/html; charset=utf-8"), true),
                                      std::pair(static_text("application/json"), false)}) {
    for (const bool shared : {false, true}) {
      auto answer = json(200, "{}");
      answer.content_type = type;
      if (shared) answer = ok(std::make_shared<const representation>("{}", type));
      std::string head;
      write_response(*asked, std::move(answer), {}, head);
      const auto policy =
          "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';";
      EXPECT_EQ(head.contains(policy), is_page) << head;
      EXPECT_THAT(head, Not(HasSubstr("unsafe-inline")));
    }
  }
}

}  // namespace
}  // namespace strata::server
