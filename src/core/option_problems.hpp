#pragma once
/// How options are checked: collect every problem, then throw all of them together.

#include <strata/error.hpp>

#include <string>
#include <utility>
#include <vector>

namespace strata::detail {

class option_problems {
 public:
  void add(std::string problem) { all_.push_back(std::move(problem)); }
  void require(bool good, std::string problem) {
    if (!good) add(std::move(problem));
  }

  /// Throws bad_options that names every problem, unless there is none.
  void throw_if_any() {
    if (!all_.empty()) throw bad_options(std::move(all_));
  }

 private:
  std::vector<std::string> all_;
};

}  // namespace strata::detail
