#include "gateway/policies.hpp"

#include "tests/contract/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strata/compression.hpp>

#include <chrono>
#include <fstream>

namespace strata::gateway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Policies, AreThoseOfTheConfiguration) {
  auto values = default_config();
  values.entity.at("listing").ttl = 7min;
  values.entity.at("listing").fail_safe = true;
  const auto made = policies_of(values);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->at("listing").ttl, 7min);
  EXPECT_TRUE(made->at("listing").fail_safe);
  EXPECT_EQ(made->at("agent").ttl, 30min);
}

TEST(Policies, ReadADictionaryOnceForAllThatNameIt) {
  const test::temporary_folder folder;
  std::vector<std::string> samples;
  for (int i = 0; i < 2000; ++i) {
    samples.push_back(R"({"id":"agt_)" + std::to_string(i * 7919) +
                      R"(","status":"active","description":"reads mail","n":)" + std::to_string(i) + "}");
  }
  const auto learnt = dictionary::train(samples, {4096});
  ASSERT_TRUE(learnt) << learnt.error().detail;
  std::ofstream(folder.file("agents.dict"), std::ios::binary) << *learnt;

  auto values = default_config();
  values.entity.at("agent").dictionaries = {folder.file("agents.dict")};
  values.entity.at("listing").dictionaries = {folder.file("agents.dict")};
  const auto made = policies_of(values);
  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_EQ(made->at("agent").dictionaries.size(), 1u);
  EXPECT_EQ(made->at("agent").dictionaries, made->at("listing").dictionaries);
  EXPECT_EQ(made->at("agent").dictionaries[0]->bytes(), *learnt);
}

TEST(Policies, NameTheKeyAndTheFileThatIsNoDictionary) {
  const test::temporary_folder folder;
  std::ofstream(folder.file("text")) << "no dictionary";
  auto values = default_config();
  for (const auto* file : {"text", "missing", "."}) {
    values.entity.at("agent").dictionaries = {folder.file(file)};
    const auto made = policies_of(values);
    ASSERT_FALSE(made) << file;
    EXPECT_THAT(made.error().detail, HasSubstr("entity.agent.dictionaries: " + folder.file(file) + ": "));
  }
}

}  // namespace
}  // namespace strata::gateway
