/// TLS and HTTP/2 with a real client, curl, over real sockets.

#include "server/test_support.hpp"
#include "tests/contract/temporary_folder.hpp"
#include "tests/shell.hpp"

#include <server/body_stream.hpp>
#include <server/server.hpp>

#include <strata/error.hpp>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using strata::test::output_of;
using ::testing::HasSubstr;
using ::testing::Not;

void run(const std::string& command) {
  if (std::system((command + " >/dev/null 2>&1").c_str()) != 0) throw std::runtime_error(command);
}

class Tls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = new strata::test::temporary_folder;
    for (const auto* name : {"one", "two"}) {
      run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          std::string(name) + " -addext subjectAltName=IP:127.0.0.1 -keyout " + folder->file(name) +
          ".key -out " + folder->file(name) + ".pem");
    }
  }
  static void TearDownTestSuite() {
    delete folder;
    folder = nullptr;
  }

  static tls_files files(const std::string& name) {
    return {.certificate = folder->file(name) + ".pem", .key = folder->file(name) + ".key"};
  }

  static router routes() {
    router made;
    auto all = made.group();
    all.get("/page", [](request&) -> task<response> {
      auto answer = json(200, R"({"text":")" + std::string(5000, 'x') + R"("})");
      answer.etag = "\"v1\"";
      return answer;
    });
    all.get("/cookie", [](request& from) -> task<response> {
      return json(200, std::string(from.field("Host")) + "|" + std::string(from.cookie("a").value_or("")) +
                           "|" + std::string(from.cookie("b").value_or("")) + "|" + std::string(from.peer()));
    });
    all.get("/large", [](request&) -> task<response> { return json(200, std::string(4 << 20, 'y')); });
    all.get("/throws", [](request&) -> task<response> { throw std::runtime_error("secret"); });
    all.post("/echo", [](request& from) -> task<response> { return json(200, std::string(from.body())); },
             {.consumes = {}});
    all.post("/small", [](request& from) -> task<response> { return json(200, std::string(from.body())); },
             {.consumes = {}, .max_body = {100}});
    made.group(
            {[](request&) -> task<std::optional<response>> { return std::optional(problem(401, "log in")); }})
        .post("/private", [](request&) -> task<response> { return json(200, "{}"); });
    return made;
  }

  explicit Tls(const std::string& certificate = "one")
      : it({.threads = 1, .drain_timeout = std::chrono::seconds(5), .tls = files(certificate)}, routes()) {
    it.start();
  }

  /// The head and body that curl gets.
  std::string curl(const std::string& path, const std::string& more = "--http2") const {
    return output_of("curl -sik --max-time 20 " + more + " https://127.0.0.1:" + std::to_string(it.port()) +
                     path);
  }

  static inline strata::test::temporary_folder* folder = nullptr;
  server it;
};

TEST_F(Tls, SpeaksTheProtocolThatTheClientAsksFor) {
  EXPECT_THAT(curl("/page"), HasSubstr("HTTP/2 200"));
  EXPECT_THAT(curl("/page", "--http1.1"), HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(curl("/page", "--no-alpn"), HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(curl("/page", "--http2 --tls-max 1.2"), HasSubstr("HTTP/2 200"));
  EXPECT_THAT(curl("/page", "--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0"), "");
}

TEST_F(Tls, AnswersBothProtocolsAlike) {
  for (const auto* protocol : {"--http2", "--http1.1"}) {
    const auto with = [&](const std::string& more) { return std::string(protocol) + ' ' + more; };
    const auto page = curl("/page", protocol);
    EXPECT_THAT(page, HasSubstr(std::string(5000, 'x'))) << protocol;
    EXPECT_THAT(curl("/page", with("--head")), Not(HasSubstr("xxxx"))) << protocol;
    EXPECT_THAT(curl("/page", with("-H 'If-None-Match: \"v1\"'")), HasSubstr(" 304")) << protocol;
    EXPECT_THAT(curl("/page", with("-H 'Accept-Encoding: gzip' -o /dev/null -w '%{size_download}'")).size(),
                2u)
        << protocol;
    EXPECT_THAT(curl("/cookie", with("-b a=1 -b b=2")), HasSubstr("|1|2|127.0.0.1")) << protocol;
    EXPECT_THAT(curl("/nowhere", protocol), HasSubstr(" 404")) << protocol;
    EXPECT_THAT(curl("/page", with("-X DELETE")), HasSubstr(" 405")) << protocol;
    EXPECT_THAT(curl("/throws", protocol), HasSubstr(" 500")) << protocol;
    EXPECT_THAT(curl("/throws", protocol), Not(HasSubstr("secret"))) << protocol;
    EXPECT_THAT(curl("/echo", with("-d hello")), HasSubstr("hello")) << protocol;
    EXPECT_THAT(curl("/private", with("-d hello")), HasSubstr(" 401")) << protocol;
    EXPECT_THAT(curl("/a%2e%2e", protocol), HasSubstr(" 404")) << protocol;
    EXPECT_THAT(curl("/%2e%2e/page", with("--path-as-is")), HasSubstr(" 400")) << protocol;
    EXPECT_THAT(curl("/page", with("-H X-Large:" + std::string(17'000, 'x'))), HasSubstr(" 431")) << protocol;
    EXPECT_THAT(curl("/" + std::string(9'000, 'x'), protocol), HasSubstr(" 414")) << protocol;
  }
}

TEST_F(Tls, LimitsBodiesOfEveryKind) {
  std::ofstream(folder->file("body")) << std::string(900'000, 'b');
  const auto body =
      "--data-binary @" + folder->file("body") + " -o /dev/null -w '%{http_code} %{size_download}' ";
  for (const std::string protocol : {"--http2 ", "--http1.1 "}) {
    EXPECT_THAT(curl("/echo", protocol + body), HasSubstr("200 900000")) << protocol;
    EXPECT_THAT(curl("/echo", protocol + body + "-H 'Transfer-Encoding: chunked' -H 'Expect:'"),
                HasSubstr("200 900000"))
        << protocol;
    EXPECT_THAT(curl("/small", protocol + "-d " + std::string(101, 'c')), HasSubstr(" 413")) << protocol;
    EXPECT_THAT(curl("/small", protocol + "-d " + std::string(100, 'c')), HasSubstr(" 200")) << protocol;
    EXPECT_THAT(curl("/small", protocol + body), HasSubstr("413")) << protocol;
  }
  EXPECT_EQ(it.stats().in_flight, 0u);
}

TEST_F(Tls, SendsLargeBodiesOnManyStreamsAtOnce) {
  std::string urls;
  for (int i = 0; i < 20; ++i) urls += " https://127.0.0.1:" + std::to_string(it.port()) + "/large";
  const auto out = output_of(
      "curl -sk --max-time 60 -Z --parallel-max 20 --http2 -w '%{size_download}\\n' "
      "$(for i in $(seq 20); do echo -o /dev/null; done)" +
      urls);
  std::size_t whole = 0;
  for (auto at = out.find("4194304"); at != std::string::npos; at = out.find("4194304", at + 1)) ++whole;
  EXPECT_EQ(whole, 20u) << out;
}

TEST_F(Tls, NewConnectionsUseTheNewCertificate) {
  const strata::test::temporary_folder own;
  const auto copy = [&](const std::string& name) {
    run("cp " + files(name).certificate + ' ' + own.file("c.pem") + " && cp " + files(name).key + ' ' +
        own.file("c.key"));
  };
  copy("one");
  server reloaded({.threads = 1, .tls = tls_files{own.file("c.pem"), own.file("c.key")}}, routes());
  reloaded.start();
  const auto subject = [&] {
    return output_of("curl -skv --max-time 20 https://127.0.0.1:" + std::to_string(reloaded.port()) +
                     "/page 2>&1 | grep subject:");
  };
  EXPECT_THAT(subject(), HasSubstr("CN=one"));
  copy("two");
  EXPECT_THAT(subject(), HasSubstr("CN=one"));
  reloaded.reload_tls();
  EXPECT_THAT(subject(), HasSubstr("CN=two"));
  std::ofstream(own.file("c.key")) << "no key";
  EXPECT_THROW(reloaded.reload_tls(), std::runtime_error);
  EXPECT_THAT(subject(), HasSubstr("CN=two"));
}

TEST_F(Tls, RefusesFilesThatDoNotBelongTogether) {
  const tls_files mixed{files("one").certificate, files("two").key};
  EXPECT_THROW(server({.threads = 1, .tls = mixed}, routes()), std::runtime_error);
  const tls_files missing{"/nowhere.pem", "/nowhere.key"};
  try {
    server({.threads = 1, .tls = missing}, routes());
    FAIL();
  } catch (const std::runtime_error& refused) {
    EXPECT_THAT(refused.what(), HasSubstr("cannot use the certificate /nowhere.pem"));
  }
}

TEST_F(Tls, EndsAHandshakeThatIsNone) {
  testing::client plain(it.port());
  plain.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(plain.ends());
  EXPECT_THAT(curl("/page"), HasSubstr("HTTP/2 200"));
}

TEST_F(Tls, ASilentClientIsCutOff) {
  server impatient({.threads = 1, .head_timeout = std::chrono::milliseconds(50), .tls = files("one")},
                   routes());
  impatient.start();
  testing::client silent(impatient.port());
  EXPECT_TRUE(silent.ends());
  EXPECT_EQ(impatient.stats().timeouts, 1u);
}

TEST_F(Tls, StopsWithItsClients) {
  EXPECT_THAT(curl("/page"), HasSubstr("HTTP/2 200"));
  EXPECT_TRUE(it.stop());
  EXPECT_EQ(it.stats().connections_open, 0u);
}

}  // namespace
}  // namespace strata::server
