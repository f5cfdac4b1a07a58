#include <strata/error.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>

#include <algorithm>

namespace strata {

std::vector<std::string> problems(const policy& rules) {
  std::vector<std::string> found;
  if (rules.ttl <= duration::zero()) found.emplace_back("policy.ttl must be more than 0");
  if (rules.ttl > policy::max_ttl) found.emplace_back("policy.ttl must be at most 30 days");
  if (rules.negative_ttl < duration::zero()) found.emplace_back("policy.negative_ttl must not be negative");
  if (rules.negative_ttl > policy::max_ttl) {
    found.emplace_back("policy.negative_ttl must be at most 30 days");
  }
  if (!(rules.jitter >= 0 && rules.jitter <= 0.5)) {
    found.emplace_back("policy.jitter must be from 0 to 0.5");
  }
  if (rules.max_size.count == 0) found.emplace_back("policy.max_size must be more than 0");
  const auto bounded = [&](duration span, const char* name) {
    if (span < duration::zero() || span > policy::max_ttl) {
      found.push_back(std::string("policy.") + name + " must be from 0 to 30 days");
    }
  };
  bounded(rules.grace, "grace");
  bounded(rules.throttle, "throttle");
  bounded(rules.stale_while_revalidate, "stale_while_revalidate");
  bounded(rules.soft_timeout, "soft_timeout");
  bounded(rules.hard_timeout, "hard_timeout");
  if (!(rules.eager_refresh >= 0 && rules.eager_refresh < 1)) {
    found.emplace_back("policy.eager_refresh must be from 0 to less than 1");
  }
  if (!(rules.xfetch_beta >= 0 && rules.xfetch_beta <= 100)) {
    found.emplace_back("policy.xfetch_beta must be from 0 to 100");
  }
  if (rules.soft_timeout > duration::zero() && !rules.fail_safe) {
    found.emplace_back("policy.soft_timeout needs fail_safe: without it there is nothing to serve instead");
  }
  if (rules.soft_timeout > duration::zero() && rules.hard_timeout > duration::zero() &&
      rules.soft_timeout >= rules.hard_timeout) {
    found.emplace_back("policy.soft_timeout must be less than hard_timeout");
  }
  for (const auto& tag : rules.tags) {
    if (tag.empty() || tag.size() > key::max_length) {
      found.emplace_back("policy.tags: a tag is 1 to 1024 bytes");
    }
  }
  if (std::ranges::find(rules.dictionaries, nullptr) != rules.dictionaries.end()) {
    found.emplace_back("policy.dictionaries must not hold a null pointer");
  }
  return found;
}

policy checked(policy rules) {
  if (auto wrong = problems(rules); !wrong.empty()) throw bad_options(std::move(wrong));
  return rules;
}

}  // namespace strata
