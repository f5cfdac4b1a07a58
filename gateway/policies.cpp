#include "gateway/policies.hpp"

#include "gateway/file.hpp"

#include <fmt/format.h>
#include <strata/compression.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace strata::gateway {

namespace {

constexpr byte_size largest_dictionary{4u << 20};

result<std::shared_ptr<const dictionary>> read_dictionary(const std::string& file) {
  auto bytes = read_file(file, largest_dictionary);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  try {
    return std::make_shared<const dictionary>(std::move(*bytes));
  } catch (const bad_options& refused) {
    return fail(errc::invalid_argument, refused.problems().front());
  }
}

}  // namespace

result<platform::policy_table> policies_of(const config& values) {
  std::map<std::string, std::shared_ptr<const dictionary>> known;
  platform::policy_table out;
  for (const auto& [name, entity] : values.entity) {
    auto policy = policy_of(entity);
    for (const auto& file : entity.dictionaries) {
      auto& held = known[file];
      if (held == nullptr) {
        auto read = read_dictionary(file);
        if (!read) {
          return fail(read.error().code,
                      fmt::format("entity.{}.dictionaries: {}: {}", name, file, read.error().detail));
        }
        held = std::move(*read);
      }
      policy.dictionaries.push_back(held);
    }
    out.emplace(name, std::move(policy));
  }
  return out;
}

}  // namespace strata::gateway
