#include "bench/gateway/gateway.hpp"

#include "bench/gateway/responders.hpp"

#include <server/test_support.hpp>

#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {

namespace {

using strata::server::testing::client;

/// What stands between `before` and the next quote after it.
std::string quoted_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos)
    throw std::runtime_error("no " + std::string(before) + " in: " + std::string(text));
  const auto start = at + before.size();
  return std::string(text.substr(start, text.find('"', start) - start));
}

std::string word(std::string_view line, int number) {
  for (; number > 0; --number) line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
  return std::string(line.substr(0, line.find(' ')));
}

std::string post(std::string_view target, std::string_view session, std::string_view body) {
  std::string text =
      fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", target);
  if (!session.empty()) text += fmt::format("Authorization: Bearer {}\r\n", session);
  return text + fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

}  // namespace

gateway::gateway(const std::string& program, int core) {
  std::string pattern = (std::filesystem::temp_directory_path() / "gateway_bench_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  process_ = std::make_unique<process>(
      std::vector<std::string>{program, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                               "--database", "sqlite:" + (folder_ / "platform.db").string(), "--demo",
                               "--log-app", "off",
                               // Limited like any other, but not refused.
                               "--rate-user", "1000000000"},
      core);
  std::string email, password;
  while (origin_.empty() || email.empty()) {
    const auto line = process_->read_line(std::chrono::seconds(60));
    if (!line) throw std::runtime_error("strata serve says nothing more");
    if (line->starts_with("listening on ")) origin_ = word(*line, 2);
    if (line->starts_with("demo login: ") && line->contains(" admin ")) {
      email = word(*line, 2);
      password = word(*line, 3);
    }
  }
  client with(static_cast<std::uint16_t>(std::stoi(origin_.substr(origin_.rfind(':') + 1))));
  with.send(post("/auth/login", {}, fmt::format(R"({{"email":"{}","password":"{}"}})", email, password)));
  session_ = quoted_after(with.receive().body, R"("session":")");
  const auto authorization = fmt::format("Authorization: Bearer {}\r\n", session_);
  for (int i = 0; i < documents; ++i) {
    // Filled up so that the answer is as long as what the others serve.
    std::string description(document(i).size() - 350, 'd');
    with.send(post("/agents", session_,
                   fmt::format(R"({{"name":"Agent {}","description":"{}"}})", i, description)));
    const auto got = with.receive();
    if (got.status != 201) throw std::runtime_error("POST /agents: " + got.head + got.body);
    targets_.push_back("/agents/" + quoted_after(got.body, R"("id":")"));
  }
  for (const auto& each : targets_) {
    const auto got = with.get(each, authorization);
    if (got.status != 200) throw std::runtime_error("GET " + each + ": " + got.head + got.body);
    if (etag_.empty()) etag_ = got.field("ETag");
  }
}

gateway::~gateway() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bench
