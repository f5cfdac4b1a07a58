#include "admin/bodies.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"
#include "cli/explanation_view.hpp"
#include "cli/http_client.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace strata::cli {

namespace {

/// Shows a key's value, or what is known about it if it may not be shown.
class get_command final : public command {
 public:
  get_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.add_option("KEY", key_, "e.g. agent:agt_1")->required();
    admin_.add(flags);
    add_json_flag(flags, json_);
  }

  int run() override {
    const auto address = admin_.resolve(program_);
    if (!address) return exit_wrong_use;
    const admin_client gateway("get", *address);
    const auto body = gateway.get("/cache/get?key=" + encode_query(key_));
    if (!body) return exit_failed;
    const auto answer = gateway.parse<admin::admin_cached>(*body);
    if (!answer) return exit_failed;
    print(*answer, *body, gateway);
    return answer->cached ? exit_ok : exit_failed;
  }

 private:
  void print(const admin::admin_cached& answer, const std::string& body, const admin_client& gateway) const {
    if (json_) {
      fmt::print("{}\n", body);
    } else if (answer.hidden) {
      gateway.report(fmt::format("{} belongs to a sensitive entity, so its value is not shown", key_));
      fmt::print("{}", explanation_view(answer.where));
    } else if (answer.value) {
      // Only the value goes to stdout, so that it can be piped.
      fmt::print("{}\n", answer.value->text);
      std::fflush(stdout);
      fmt::print(stderr, "{}", explanation_view(answer.where));
    } else if (!answer.cached) {
      gateway.report(fmt::format("{} is not cached; strata explain shows why", key_));
    } else {
      fmt::print("{}", explanation_view(answer.where));
    }
  }

  const registry& program_;
  admin_flags admin_;
  std::string key_;
  bool json_ = false;
};

}  // namespace

void add_get(registry& to) {
  to.add<get_command>("get", "show what the cache holds under a key");
}

}  // namespace strata::cli
