#include "server/response_writer.hpp"

#include "http/request_head.hpp"
#include "server/encode.hpp"
#include "server/router.hpp"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using fields = std::vector<std::pair<std::string, std::string>>;

constexpr connection_facts facts{.date = "Sun, 06 Nov 1994 08:49:37 GMT",
                                 .now = std::chrono::sys_seconds(std::chrono::seconds(784111777))};

std::string json_text(std::size_t size) {
  std::string text = "\"";
  while (text.size() + 1 < size) text += "words ";
  text.resize(size - 1);
  return text + "\"";
}

std::shared_ptr<const representation> shared(std::size_t size = 2000, std::string_view etag = "\"v7\"") {
  return std::make_shared<const representation>(json_text(size), static_text("application/json"), etag);
}

struct sent {
  int status = 0;
  std::string head;
  std::string body;
  std::uint64_t counted = 0;
};

/// The bytes sent for `answer` to a request.
sent written(std::string_view method, const fields& with, response answer, connection_facts on = facts) {
  test_request asked(method, "/thing", with);
  sent got;
  got.head = "queued before|";
  const auto out = write_response(*asked, std::move(answer), on, got.head);
  got.head.erase(0, 14);
  got.status = out.status;
  got.body = out.body();
  got.counted = out.bytes;
  return got;
}
sent get(const fields& with, response answer) {
  return written("GET", with, std::move(answer));
}

TEST(ResponseWriter, SendsAnAnswerWhole) {
  const auto got = get({{"X-Request-Id", "r1"}}, json(200, "{}"));
  EXPECT_EQ(got.head,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-store\r\n"
            "X-Request-Id: r1\r\nX-Content-Type-Options: nosniff\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n");
  EXPECT_EQ(got.body, "{}");
  EXPECT_EQ(got.counted, got.head.size() + 2);
}

TEST(ResponseWriter, ASharedAnswerIsNotCopied) {
  const auto content = shared();
  test_request asked("GET", "/");
  std::string head;
  const auto out = write_response(*asked, ok(content), facts, head);
  EXPECT_EQ(out.body().data(), content->body().data());
  EXPECT_EQ(out.owner, content);
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 2000\r\nETag: \"v7\"\r\nVary: Accept-Encoding\r\n\r\n"));
}

TEST(ResponseWriter, TheClientsTagMakesA304) {
  for (const auto tag : {"\"v7\"", "W/\"v7\"", "\"v6\", \"v7\"", "*"}) {
    const auto got = get({{"If-None-Match", tag}}, ok(shared()));
    EXPECT_EQ(got.status, 304) << tag;
    EXPECT_EQ(got.body, "") << tag;
    EXPECT_THAT(got.head, HasSubstr("\r\nETag: ")) << tag;
    EXPECT_THAT(got.head, HasSubstr("\r\nVary: Accept-Encoding\r\n")) << tag;
    EXPECT_THAT(got.head, Not(HasSubstr("Content-Length"))) << tag;
    EXPECT_THAT(got.head, Not(HasSubstr("Content-Type:"))) << tag;
    EXPECT_TRUE(got.head.ends_with("\r\n\r\n")) << tag;
  }
  EXPECT_EQ(get({{"If-None-Match", "\"v8\""}}, ok(shared())).status, 200);
  const auto repeated = get({{"If-None-Match", "\"v6\""}, {"If-None-Match", "W/\"v7\""}}, ok(shared()));
  EXPECT_EQ(repeated.status, 304);
  EXPECT_THAT(repeated.head, HasSubstr("\r\nETag: \"v7\"\r\n"));
}

TEST(ResponseWriter, A304RepeatsTheTagOfTheFormTheClientHas) {
  EXPECT_THAT(get({{"If-None-Match", "\"v7-gz\""}}, ok(shared())).head, HasSubstr("ETag: \"v7-gz\"\r\n"));
  EXPECT_THAT(get({{"If-None-Match", "*"}, {"Accept-Encoding", "gzip"}}, ok(shared())).head,
              HasSubstr("ETag: \"v7-gz\"\r\n"));
}

TEST(ResponseWriter, A304RepeatsTheStrongTagOfThe200) {
  const auto tag = [](std::string_view sent, std::string_view coding, std::string_view own) {
    fields with{{"If-None-Match", std::string(sent)}};
    if (!coding.empty()) with.emplace_back("Accept-Encoding", coding);
    const auto got = get(with, ok(shared(2000, own)));
    EXPECT_EQ(got.status, 304) << sent;
    const auto at = got.head.find("\r\nETag: ") + 8;
    return got.head.substr(at, got.head.find('\r', at) - at);
  };
  EXPECT_EQ(tag("W/\"v7\"", "", "\"v7\""), "\"v7\"");
  EXPECT_EQ(tag("W/\"v7-gz\"", "gzip", "\"v7\""), "\"v7-gz\"");
  EXPECT_EQ(tag("W/\"v7\"", "gzip", "\"v7\""), "\"v7\"");
  EXPECT_EQ(tag("\"v7\", \"v7-gz\"", "gzip", "\"v7\""), "\"v7-gz\"");
  EXPECT_EQ(tag("\"v7-zs\"", "gzip", "\"v7\""), "\"v7-zs\"");
  EXPECT_EQ(tag("\"v7\"", "", "W/\"v7\""), "W/\"v7\"");
  EXPECT_EQ(tag("*", "", "\"v7\""), "\"v7\"");
}

TEST(ResponseWriter, A304NamesAFormThatIsSent) {
  std::string noise;  // no coding makes it smaller, so that a 200 is sent as it is
  std::uint64_t state = 1;
  while (noise.size() < 2000)
    noise += static_cast<char>((state = state * 6364136223846793005 + 1442695040888963407) >> 56);
  const auto content =
      std::make_shared<const representation>(noise, static_text("application/json"), "\"v7\"");
  const fields with{{"If-None-Match", "*"}, {"Accept-Encoding", "gzip"}};
  EXPECT_THAT(get({{"Accept-Encoding", "gzip"}}, ok(content)).head, HasSubstr("ETag: \"v7\"\r\n"));
  EXPECT_THAT(get(with, ok(content)).head, HasSubstr("ETag: \"v7\"\r\n"));
}

TEST(ResponseWriter, ADateThatWritersMayLeaveMakesNo304) {
  const wall_time changed(std::chrono::seconds(784111000));
  const auto content = std::make_shared<const representation>("{}", static_text("application/json"), "\"v7\"",
                                                              changed, date_use::writes);
  const fields since{{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  const auto got = get(since, ok(content));
  EXPECT_EQ(got.status, 200);
  EXPECT_THAT(got.head, HasSubstr("\r\nLast-Modified: Sun, 06 Nov 1994 08:36:40 GMT\r\n"));
  EXPECT_EQ(get({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:36:39 GMT"}}, ok(content)).status, 412);
}

TEST(ResponseWriter, EvaluatesConditionsOfUnsharedAnswersToo) {
  auto answer = json(200, "{}");
  answer.etag = "\"a\"";
  answer.last_modified = wall_time(std::chrono::seconds(784111000));
  EXPECT_EQ(get({{"If-None-Match", "\"a\""}}, answer).status, 304);
  EXPECT_EQ(get({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}, answer).status, 304);
  EXPECT_EQ(get({{"If-Modified-Since", "Sun, 06 Nov 1993 08:49:37 GMT"}}, answer).status, 200);
  EXPECT_EQ(get({{"If-Match", "\"b\""}}, answer).status, 412);
  EXPECT_EQ(get({{"If-Unmodified-Since", "Sun, 06 Nov 1993 08:49:37 GMT"}}, answer).status, 412);
}

TEST(ResponseWriter, AMalformedIfMatchIsA400AndAMalformedIfNoneMatchIsIgnored) {
  const auto got = get({{"If-Match", "v7"}}, ok(shared()));
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.head, HasSubstr("application/problem+json"));
  EXPECT_THAT(got.body, HasSubstr("If-Match"));
  for (const auto bad : {"v7", "", "\"v7\"-gzip", "w/\"v7\""}) {
    EXPECT_EQ(get({{"If-None-Match", bad}}, ok(shared())).status, 200) << bad;
  }
}

TEST(ResponseWriter, ConditionsAffectNeitherErrorsNorOtherMethods) {
  EXPECT_EQ(get({{"If-None-Match", "*"}}, problem(404, "nothing")).status, 404);
  EXPECT_EQ(written("POST", {{"If-None-Match", "\"v7\""}}, ok(shared())).status, 200);
}

TEST(ResponseWriter, HeadIsGetWithoutTheBody) {
  const auto whole = get({}, ok(shared()));
  const auto head = written("HEAD", {}, ok(shared()));
  EXPECT_EQ(head.body, "");
  EXPECT_THAT(head.head, HasSubstr("Content-Length: 2000\r\n"));
  EXPECT_EQ(head.head.size(), whole.head.size());
  EXPECT_EQ(written("HEAD", {{"If-None-Match", "\"v7\""}}, ok(shared())).status, 304);
  EXPECT_EQ(written("HEAD", {}, json(200, "{}")).body, "");
}

TEST(ResponseWriter, EncodesLargeBodiesOnRequest) {
  const auto content = shared();
  const auto got = get({{"Accept-Encoding", "gzip"}}, ok(content));
  EXPECT_EQ(got.body, *encode(content->body(), content_coding::gzip));
  EXPECT_THAT(got.head,
              HasSubstr("\r\nContent-Encoding: gzip\r\nETag: \"v7-gz\"\r\nVary: Accept-Encoding\r\n"));
  EXPECT_THAT(got.head, HasSubstr("Content-Length: " + std::to_string(got.body.size()) + "\r\n"));
  const auto zstd = get({{"Accept-Encoding", "gzip"}, {"Accept-Encoding", "zstd"}}, ok(content));
  EXPECT_THAT(zstd.head, HasSubstr("\r\nContent-Encoding: zstd\r\nETag: \"v7-zs\"\r\n"));
  EXPECT_LT(zstd.body.size(), 2000u);
}

TEST(ResponseWriter, EncodesUnsharedAnswersToo) {
  auto answer = json(200, json_text(3000));
  answer.etag = "W/\"a\"";
  const auto got = get({{"Accept-Encoding", "zstd"}}, answer);
  EXPECT_THAT(got.head,
              HasSubstr("\r\nContent-Encoding: zstd\r\nETag: W/\"a-zs\"\r\nVary: Accept-Encoding\r\n"));
  EXPECT_LT(got.body.size(), 3000u);
  EXPECT_THAT(get({}, answer).head, HasSubstr("Vary: Accept-Encoding"));
}

TEST(ResponseWriter, DoesNotEncodeSmallOrIncompressibleBodies) {
  EXPECT_THAT(get({{"Accept-Encoding", "gzip"}}, ok(shared(1023))).head,
              ::testing::AllOf(Not(HasSubstr("Content-Encoding")), Not(HasSubstr("Vary"))));
  auto image = json(200, json_text(3000));
  image.content_type = "image/png";
  EXPECT_THAT(get({{"Accept-Encoding", "gzip"}}, image).head, Not(HasSubstr("Content-Encoding")));
}

TEST(ResponseWriter, A406WhenEveryFormIsRefused) {
  EXPECT_EQ(get({{"Accept-Encoding", "identity;q=0"}}, ok(shared())).status, 406);
  EXPECT_EQ(get({{"Accept-Encoding", "identity;q=0, gzip"}}, ok(shared())).status, 200);
}

TEST(ResponseWriter, ReportsTheCacheAndTheLimiter) {
  test_request asked("GET", "/");
  asked->rate_limit = {.policy = "user",
                       .limit = 100,
                       .remaining = 0,
                       .window = std::chrono::minutes(1),
                       .reset_after = std::chrono::milliseconds(1500),
                       .retry_after = std::chrono::milliseconds(600)};
  auto answer = problem(429, "wait");
  answer.cache = cache_status{.forward = cache_status::forwarded::bypass, .detail = "limited"};
  std::string head;
  write_response(*asked, std::move(answer), facts, head);
  EXPECT_THAT(head, HasSubstr("\r\nCache-Status: strata; fwd=bypass; detail=limited\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nRateLimit-Policy: \"user\";q=100;w=60\r\nRateLimit: \"user\";r=0;t=2\r\n"
                              "Retry-After: 1\r\n"));
}

TEST(ResponseWriter, A204HasNeitherLengthNorType) {
  const auto got = written("DELETE", {}, no_content());
  EXPECT_EQ(got.head,
            "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-store\r\n"
            "X-Request-Id: 0000000000000001\r\nX-Content-Type-Options: nosniff\r\n\r\n");
}

TEST(ResponseWriter, AnnouncesWhetherTheConnectionStaysOpen) {
  auto closing = facts;
  closing.close = true;
  EXPECT_THAT(written("GET", {}, no_content(), closing).head, HasSubstr("\r\nConnection: close\r\n"));
  auto old = facts;
  old.http_1_0 = true;
  EXPECT_THAT(written("GET", {}, no_content(), old).head, HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(Response, AFieldCannotBreakTheMessage) {
  response answer;
  EXPECT_THROW(answer.add("X", "a\r\nSet-Cookie: b"), std::invalid_argument);
  EXPECT_THROW(answer.add("X\r\n", "a"), std::invalid_argument);
  EXPECT_THROW(answer.add("", "a"), std::invalid_argument);
  EXPECT_THAT(get({}, answer.add("X", "fine")).head, HasSubstr("\r\nX: fine\r\n"));
}

TEST(Response, PreconditionsOfAWrite) {
  const auto status = [](const fields& with, std::string_view etag) {
    test_request asked("PATCH", "/", with);
    const auto refused = check_preconditions(*asked, etag);
    return refused ? refused->status : 0;
  };
  EXPECT_EQ(status({}, "\"v7\""), 0);
  EXPECT_EQ(status({{"If-Match", "\"v7\""}}, "\"v7\""), 0);
  EXPECT_EQ(status({{"If-Match", "\"v7-zs\""}}, "\"v7\""), 0);
  EXPECT_EQ(status({{"If-Match", "\"v6\""}, {"If-Match", "\"v7\""}}, "\"v7\""), 0);
  EXPECT_EQ(status({{"If-Match", "\"v6\""}}, "\"v7\""), 412);
  EXPECT_EQ(status({{"If-Match", "*"}}, ""), 412);
  EXPECT_EQ(status({{"If-None-Match", "*"}}, "\"v7\""), 412);
  EXPECT_EQ(status({{"If-None-Match", "*"}}, ""), 0);
  EXPECT_EQ(status({{"If-Match", "v7"}}, "\"v7\""), 400);
}

TEST(Representation, EncodesOnceForAllThreads) {
  const auto content = shared(50'000);
  std::vector<std::thread> threads;
  std::array<const representation::form*, 8> found{};
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] { found[i] = content->encoded(content_coding::zstd); });
  }
  for (auto& each : threads) each.join();
  for (const auto* each : found) EXPECT_EQ(each, found[0]);
  EXPECT_GT(content->bytes(), 50'000 + found[0]->body().size());
}

TEST(Representation, DoesNotKeepWhatIsNotSmaller) {
  std::string noise;
  std::uint32_t state = 1;
  while (noise.size() < 2000) noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const representation content(noise, "application/json", "\"a\"");
  EXPECT_EQ(content.encoded(content_coding::gzip), nullptr);
  EXPECT_EQ(content.encoded(content_coding::gzip), nullptr);
}

TEST(Representation, RefusesAMalformedTag) {
  EXPECT_THROW(representation("{}", "application/json", "v7"), std::invalid_argument);
}

}  // namespace
}  // namespace strata::server
