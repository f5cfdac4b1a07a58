#pragma once
/// The parts of `lint`, by what they look at. Each appends findings under the names of `lint_rules`.
/// Threads: pure functions.

#include "gateway/lint.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace strata::gateway {

class lint_report {
 public:
  /// Requires: there is a rule called `rule`.
  void add(std::string_view rule, std::string where, std::string what);
  /// The findings in the order of the rules.
  std::vector<lint_finding> take();

 private:
  std::vector<lint_finding> found_;
};

void lint_config(const lint_facts& facts, lint_report& to);
void lint_store(const lint_facts& facts, lint_report& to);
void lint_database(const lint_facts& facts, lint_report& to);
void lint_running(const lint_facts& facts, lint_report& to);

}  // namespace strata::gateway
