#include "core/entry_format.hpp"

#include <strata/error.hpp>
#include <strata/policy.hpp>

#include <algorithm>

namespace strata {

std::vector<std::string> problems(const policy& of) {
  std::vector<std::string> found;
  if (of.ttl <= duration::zero()) found.emplace_back("policy.ttl must be more than 0");
  if (of.ttl > policy::max_ttl) found.emplace_back("policy.ttl must be at most 30 days");
  if (of.negative_ttl < duration::zero()) found.emplace_back("policy.negative_ttl must not be negative");
  if (of.negative_ttl > policy::max_ttl) {
    found.emplace_back("policy.negative_ttl must be at most 30 days");
  }
  if (!(of.jitter >= 0 && of.jitter <= 0.5)) {
    found.emplace_back("policy.jitter must be from 0 to 0.5");
  }
  if (of.max_size.count == 0) found.emplace_back("policy.max_size must be more than 0");
  const auto bounded = [&](duration span, const char* name) {
    if (span < duration::zero() || span > policy::max_ttl) {
      found.push_back(std::string("policy.") + name + " must be from 0 to 30 days");
    }
  };
  bounded(of.l1_ttl, "l1_ttl");
  if (of.sliding < duration::zero() || (of.sliding > duration::zero() && of.sliding >= of.ttl)) {
    found.emplace_back(
        "policy.sliding must be from 0 to less than ttl, which is the end however often it is read");
  }
  if (of.failure_ttl < duration::zero() || of.failure_ttl > policy::max_failure_ttl) {
    found.emplace_back("policy.failure_ttl must be from 0 to 5 minutes");
  }
  bounded(of.grace, "grace");
  bounded(of.throttle, "throttle");
  bounded(of.stale_while_revalidate, "stale_while_revalidate");
  bounded(of.soft_timeout, "soft_timeout");
  bounded(of.hard_timeout, "hard_timeout");
  if (!(of.eager_refresh >= 0 && of.eager_refresh < 1)) {
    found.emplace_back("policy.eager_refresh must be from 0 to less than 1");
  }
  if (!(of.xfetch_beta >= 0 && of.xfetch_beta <= 100)) {
    found.emplace_back("policy.xfetch_beta must be from 0 to 100");
  }
  if (of.soft_timeout > duration::zero() && !of.fail_safe) {
    found.emplace_back("policy.soft_timeout needs fail_safe: without it there is nothing to serve instead");
  }
  if (of.soft_timeout > duration::zero() && of.hard_timeout > duration::zero() &&
      of.soft_timeout >= of.hard_timeout) {
    found.emplace_back("policy.soft_timeout must be less than hard_timeout");
  }
  if (auto possible = check_tags(of.tags); !possible) {
    found.push_back("policy.tags: " + possible.error().detail);
  }
  if (std::ranges::find(of.dictionaries, nullptr) != of.dictionaries.end()) {
    found.emplace_back("policy.dictionaries must not hold a null pointer");
  }
  return found;
}

policy checked(policy given) {
  if (auto wrong = problems(given); !wrong.empty()) throw bad_options(std::move(wrong));
  return given;
}

}  // namespace strata
