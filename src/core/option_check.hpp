#pragma once
/// How options are checked: collect every problem, then throw all of them together.

#include <string>
#include <utility>
#include <vector>

#include <strata/error.hpp>

namespace strata::detail {

class option_check {
 public:
  void require(bool good, std::string problem) {
    if (!good) add(std::move(problem));
  }
  void add(std::string problem) { problems_.push_back(std::move(problem)); }

  const std::vector<std::string>& problems() const noexcept { return problems_; }

  /// Throws bad_options that names every problem, if there is one.
  void finish() {
    if (!problems_.empty()) throw bad_options(std::move(problems_));
  }

 private:
  std::vector<std::string> problems_;
};

}  // namespace strata::detail
