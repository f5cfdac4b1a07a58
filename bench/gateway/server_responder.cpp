#include "bench/gateway/responders.hpp"

#include <server/server.hpp>

#include <csignal>
#include <cstdio>

#include <fmt/format.h>
#include <boost/unordered/unordered_flat_map.hpp>

namespace bench {

std::string document_id(int number) {
  return fmt::format("agt_{:012}", number);
}

std::string document(int number) {
  std::string text =
      fmt::format(R"({{"id":"{}","organization_id":"org_000000000001","name":"Agent {}","description":")",
                  document_id(number), number);
  constexpr std::string_view words = "An agent that reads, sorts and answers what comes in, day and night. ";
  while (text.size() < 1040) text += words;
  text += R"(","status":"active","is_public":false,"execution_count":4711,"version":7,)";
  text += R"("created_at":"2026-01-02T03:04:05Z","updated_at":"2026-02-03T04:05:06Z"})";
  return text;
}

int serve_strata() {
  using namespace strata::server;
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  boost::unordered_flat_map<std::string, std::shared_ptr<const representation>, hash, std::equal_to<>> all;
  for (int i = 0; i < documents; ++i) {
    all[document_id(i)] =
        std::make_shared<const representation>(document(i), static_text("application/json"), entity_tag);
  }
  router routes;
  routes.group().get("/agents/{id}",
                     [&all](request& asked) -> strata::task<response> {
                       const auto found = all.find(asked.path_parameter("id"));
                       if (found == all.end()) return problem(404, "there is no such agent");
                       auto answer = ok(found->second);
                       answer.cache = cache_status{.ttl = std::chrono::seconds(1200), .detail = "l1"};
                       return answer;
                     },
                     {.cache_control = "private, max-age=300"});
  server_options options;
  options.threads = 1;
  server it(options, std::move(routes));
  it.start();
  std::printf("%u\n", static_cast<unsigned>(it.port()));
  std::fflush(stdout);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  int which = 0;
  sigwait(&ends, &which);
  return 0;
}

}  // namespace bench
