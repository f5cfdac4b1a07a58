// TLS and HTTP/2 of the program, with curl as the client.

#include "tests/shell.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::system_test {
namespace {

using test::output_of;
using testing::HasSubstr;

void make_certificate(const temp_folder& folder, const std::string& name) {
  output_of(
      "cd " + folder.path() +
      " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
      name + " -keyout key.pem -out cert.pem 2>&1");
}

TEST(ProgramTls, ServesHttp2AndReloadsItsCertificate) {
  const temp_folder folder;
  make_certificate(folder, "first");
  auto flags = gateway::flags(folder);
  for (const auto* each :
       {"--tls-cert", "cert.pem", "--tls-key", "key.pem", "--cors-origins", "https://app.example"}) {
    flags.emplace_back(each);
  }
  process program(folder, flags);
  const auto line = program.wait_for_line("listening on https://127.0.0.1:");
  const auto url = line.substr(13, line.find(' ', 13) - 13);
  const auto curl = [&](const std::string& more) {
    return output_of("curl -sik --max-time 20 " + url + more + " 2>&1");
  };

  EXPECT_THAT(curl("/docs --http2"), HasSubstr("HTTP/2 200"));
  EXPECT_THAT(curl("/docs --http1.1"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(curl("/ --http2"), HasSubstr("location: /docs"));
  EXPECT_THAT(curl("/agents --http2"), HasSubstr("HTTP/2 401"));
  EXPECT_THAT(curl("/docs -H 'Origin: https://app.example'"),
              HasSubstr("access-control-allow-origin: https://app.example"));
  EXPECT_THAT(curl("/docs -v -o /dev/null"), HasSubstr("CN=first"));

  make_certificate(folder, "second");
  program.signal(SIGHUP);
  std::string subject;
  for (const auto deadline = clock::now() + patience;
       clock::now() < deadline && !subject.contains("CN=second");) {
    subject = curl("/docs -v -o /dev/null");
  }
  EXPECT_THAT(subject, HasSubstr("CN=second"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST(ProgramTls, SaysWhichFileIsWrong) {
  const temp_folder folder;
  auto flags = gateway::flags(folder);
  for (const auto* each : {"--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"}) flags.emplace_back(each);
  const auto ended = run(folder, flags);
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("tls: cannot use the certificate nowhere.pem"));
}

}  // namespace
}  // namespace strata::system_test
