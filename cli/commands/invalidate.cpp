#include "admin/bodies.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"

#include <fmt/format.h>

namespace strata::cli {

namespace {

class invalidate_command final : public command {
 public:
  invalidate_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.add_option("--key", keys_, "keys to remove")->type_name("KEY");
    flags.add_option("--tag", tags_, "every key that carries the tag")->type_name("TAG");
    flags.add_option("--prefix", prefixes_, "every key that is the prefix or continues it at a :; no glob")
        ->type_name("PREFIX");
    flags.add_option("--pattern", patterns_, "every key that matches the glob")->type_name("GLOB");
    flags.add_flag("--soft", soft_,
                   "expire instead of remove, so that a value may still be served stale; of patterns only * "
                   "and PREFIX:*");
    flags.add_flag("--preview", preview_, "change nothing; print what the gateway's memory would lose");
    admin_.add(flags);
    add_json_flag(flags, json_);
  }

  int run() override {
    if (keys_.empty() && tags_.empty() && prefixes_.empty() && patterns_.empty()) {
      print_error("invalidate: nothing is named; give --key, --tag, --prefix or --pattern");
      return exit_wrong_use;
    }
    const auto address = admin_.resolve(program_);
    if (!address) return exit_wrong_use;
    const admin_client gateway("invalidate", *address);
    const admin::admin_invalidation request{keys_, tags_, prefixes_, patterns_, soft_, preview_};
    return gateway.show<admin::admin_invalidated>(gateway.post("/cache/invalidate", json::text_of(request)),
                                                  json_, [this](const auto& done) { print(done); });
  }

 private:
  void print(const admin::admin_invalidated& done) const {
    const auto* did = preview_ ? "would invalidate" : soft_ ? "expired" : "invalidated";
    fmt::print("{}: {} keys, {} tags, {} prefixes, {} patterns\n", did, done.keys, done.tags, done.prefixes,
               done.patterns);
    std::string held;
    for (const auto& [type, values] : done.values) {
      held += fmt::format("{}{} of {}", held.empty() ? "" : ", ", values, type);
    }
    fmt::print("values in the gateway's memory: {}\n", held.empty() ? "none" : held);
  }

  const registry& program_;
  admin_flags admin_;
  std::vector<std::string> keys_;
  std::vector<std::string> tags_;
  std::vector<std::string> prefixes_;
  std::vector<std::string> patterns_;
  bool soft_ = false;     // expire instead of remove
  bool preview_ = false;  // change nothing
  bool json_ = false;
};

}  // namespace

void add_invalidate(registry& to) {
  to.add<invalidate_command>("invalidate", "remove keys from every cache layer");
}

}  // namespace strata::cli
