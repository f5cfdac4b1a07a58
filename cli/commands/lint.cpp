#include "gateway/lint.hpp"
#include "cli/command.hpp"
#include "cli/http_client.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <algorithm>
#include <vector>

namespace strata::cli {

namespace {

struct finding_row {
  std::string rule;
  bool must = false;
  std::string where, what, why, fix, page;
};
BOOST_DESCRIBE_STRUCT(finding_row, (), (rule, must, where, what, why, fix, page))

struct lint_document {
  bool ok = true;
  bool gateway = false;  ///< a running one was asked
  std::vector<finding_row> findings;
};
BOOST_DESCRIBE_STRUCT(lint_document, (), (ok, gateway, findings))

finding_row row_of(const gateway::lint_finding& from) {
  const auto& rule = *from.rule;
  return {.rule = std::string(rule.name),
          .must = rule.must,
          .where = from.where,
          .what = from.what,
          .why = std::string(rule.why),
          .fix = std::string(rule.fix),
          .page = "docs/guide/" + std::string(rule.page)};
}

/// Checks a configuration, and what runs with it.
class lint_command final : public command {
 public:
  lint_command(CLI::App& flags, const registry& program) : program_(program) {
    config_.add_config_file(flags);
    config_.add_settings(flags, program, [](const setting&) { return true; });
    add_json_flag(flags, json_);
    flags.footer(
        "It reads the configuration as serve does, and looks at the store, the database and, if one runs, "
        "the\n"
        "gateway whose admin listener the configuration names. It changes nothing. The exit status is 1 if\n"
        "something must be mended. docs/guide/lint.md lists the rules.");
  }

  int run() override {
    const auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    auto facts = gateway::gather(loaded->values);
    const bool asked = ask_gateway(loaded->values, facts);
    lint_document out{.ok = true, .gateway = asked, .findings = {}};
    for (const auto& each : gateway::lint(facts)) out.findings.push_back(row_of(each));
    out.ok = std::ranges::none_of(out.findings, &finding_row::must);
    if (json_) {
      fmt::print("{}\n", json::text_of(out));
    } else {
      print(out);
    }
    return out.ok ? exit_ok : exit_failed;
  }

 private:
  /// Reads the metrics of the gateway that runs with `values`. Returns whether one does.
  static bool ask_gateway(const gateway::config& values, gateway::lint_facts& facts) {
    const auto answer = call({.address = values.admin,
                              .token = values.admin_token,
                              .method = "GET",
                              .target = "/metrics",
                              .json = {},
                              .timeout = std::chrono::seconds(5)});
    if (!answer || answer->status != 200) return false;
    facts.metrics = gateway::parse_metrics(answer->body);
    return true;
  }

  static void print(const lint_document& found) {
    for (std::size_t i = 0; i < found.findings.size(); ++i) {
      const auto& each = found.findings[i];
      fmt::print("{} {}: {} {}\n", each.must ? "must  " : "should", each.rule, each.where, each.what);
      const bool last = i + 1 == found.findings.size() || found.findings[i + 1].rule != each.rule;
      if (last) fmt::print("  why   {}\n  fix   {}\n  page  {}\n", each.why, each.fix, each.page);
    }
    if (!found.gateway) fmt::print("no gateway answers on the admin address, so none was checked\n");
    const auto must = std::ranges::count_if(found.findings, &finding_row::must);
    fmt::print("{} must be mended, {} should\n", must,
               static_cast<std::ptrdiff_t>(found.findings.size()) - must);
  }

  const registry& program_;
  config_flags config_;
  bool json_ = false;
};

}  // namespace

void add_lint(registry& to) {
  to.add<lint_command>("lint", "check a configuration and what runs with it");
}

}  // namespace strata::cli
