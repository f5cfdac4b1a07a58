#include <strata/error.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>

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
  for (const auto& tag : rules.tags) {
    if (tag.empty() || tag.size() > key::max_length) {
      found.emplace_back("policy.tags: a tag is 1 to 1024 bytes");
    }
  }
  return found;
}

policy checked(policy rules) {
  if (auto wrong = problems(rules); !wrong.empty()) throw bad_options(std::move(wrong));
  return rules;
}

}  // namespace strata
