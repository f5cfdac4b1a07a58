#include "admin/bodies.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"
#include "cli/explanation_view.hpp"
#include "cli/http_client.hpp"

#include <fmt/format.h>

namespace strata::cli {

namespace {

class explain_command final : public command {
 public:
  explain_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.add_option("KEY", key_, "e.g. agent:agt_1")->required();
    admin_.add(flags);
    add_json_flag(flags, json_);
  }

  int run() override {
    const auto address = admin_.resolve(program_);
    if (!address) return exit_wrong_use;
    const admin_client gateway("explain", *address);
    return gateway.show<admin::admin_explanation>(
        gateway.get("/cache/explain?key=" + encode_query(key_)), json_,
        [](const auto& answer) { fmt::print("{}", explanation_view(answer)); });
  }

 private:
  const registry& program_;
  admin_flags admin_;
  std::string key_;
  bool json_ = false;
};

}  // namespace

void add_explain(registry& to) {
  to.add<explain_command>("explain", "show where a key stands and what the next read will do");
}

}  // namespace strata::cli
