#include "admin/bodies.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"

#include <fmt/format.h>

namespace strata::cli {

namespace {

/// Shows and fills the queue of purges of a running gateway's edges.
class edge_command final : public command {
 public:
  edge_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.require_subcommand(1);
    flags.fallthrough();
    admin_.add(flags);
    add_json_flag(flags, json_);
    flags.add_subcommand("status", "show the edges and the purges that wait for them")->fallthrough();
    purge_ = flags.add_subcommand("purge", "add purges to the queue; the active gateway sends them");
    purge_->fallthrough();
    purge_->add_option("--tag", tags_, "every response that carries the tag, e.g. listings or listing:ID")
        ->type_name("TAG");
    purge_->add_option("--url", urls_, "one response, https://HOST/PATH")->type_name("URL");
    purge_->add_option("--prefix", prefixes_, "every response whose URL begins with it")->type_name("URL");
    purge_->add_flag("--everything", everything_, "every response");
    purge_->add_flag("--soft", soft_, "the edge may serve the old response once more while it revalidates");
  }

  int run() override {
    if (purge_->parsed() && tags_.empty() && urls_.empty() && prefixes_.empty() && !everything_) {
      print_error("edge purge: nothing is named; give --tag, --url, --prefix or --everything");
      return exit_wrong_use;
    }
    const auto address = admin_.resolve(program_);
    if (!address) return exit_wrong_use;
    const admin_client gateway("edge", *address);
    return purge_->parsed() ? purge(gateway) : show(gateway);
  }

 private:
  int purge(const admin_client& gateway) const {
    const admin::admin_edge_purge request{tags_, urls_, prefixes_, everything_, soft_};
    return gateway.show<admin::admin_edge_purged>(
        gateway.post("/edge/purge", json::text_of(request)), json_,
        [](const auto& done) { fmt::print("queued: {} purges\n", done.queued); });
  }

  int show(const admin_client& gateway) const {
    return gateway.show<admin::admin_edge_status>(gateway.get("/edge/status"), json_, print);
  }

  static void print(const admin::admin_edge_status& found) {
    fmt::print("queue      {} waiting", found.queued);
    if (found.queued > 0) fmt::print(", the oldest for {:.1f} s", found.oldest_seconds);
    fmt::print("\nsender     {}\n", found.active ? "this gateway" : "another gateway, or nothing waits");
    if (!found.trouble.empty()) fmt::print("trouble    {}\n", found.trouble);
    for (const auto& each : found.edges) {
      fmt::print("{}: {} purged, {} failed, {} unproven, {} waiting\n", each.name, each.purged, each.failed,
                 each.unproven, each.waiting);
      if (!each.trouble.empty()) fmt::print("  trouble  {}\n", each.trouble);
    }
  }

  const registry& program_;
  admin_flags admin_;
  CLI::App* purge_ = nullptr;
  std::vector<std::string> tags_;
  std::vector<std::string> urls_;
  std::vector<std::string> prefixes_;
  bool everything_ = false;
  bool soft_ = false;
  bool json_ = false;
};

}  // namespace

void add_edge(registry& to) {
  to.add<edge_command>("edge", "show and purge the HTTP caches in front of the gateways");
}

}  // namespace strata::cli
