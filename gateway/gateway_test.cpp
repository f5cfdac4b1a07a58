#include "gateway/gateway.hpp"

#include "tests/contract/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strata/encryption.hpp>

#include <fstream>
#include <sstream>

namespace strata::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The log of a gateway with `values` once it is open.
std::string logged(config values, std::shared_ptr<store> second_level) {
  const test::temporary_folder folder;
  values.database = "sqlite:" + folder.file("strata.db");
  values.log.app = folder.file("log");
  {
    logs log(values.log);
    const auto opened = gateway::open(values, log, std::move(second_level));
    EXPECT_TRUE(opened) << opened.error().detail;
  }
  std::ostringstream text;
  text << std::ifstream(values.log.app).rdbuf();
  return text.str();
}

TEST(Gateway, DoesNotOpenASecondLevelWithoutKeysForSensitiveValues) {
  const test::temporary_folder folder;
  auto values = default_config();
  values.database = "sqlite:" + folder.file("strata.db");
  values.log.app = "off";
  logs log(values.log);
  const auto opened = gateway::open(values, log, connect(make_memory_server()));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("encryption.keys_file: there is no key, and values of "));
  EXPECT_THAT(opened.error().detail,
              HasSubstr("agent_config, agent_tools, organization, session, user, user_permissions, "));
  EXPECT_THAT(opened.error().detail, HasSubstr("strata key new"));
}

TEST(Gateway, ADemoGeneratesItsKeysAndWarns) {
  auto values = default_config();
  values.demo = true;
  const auto text = logged(values, connect(make_memory_server()));
  EXPECT_THAT(text, HasSubstr("warning"));
  EXPECT_THAT(text, HasSubstr("protected with the generated keys of "));
  EXPECT_THAT(text, HasSubstr("strata.db.keys"));
}

TEST(Gateway, WithoutSensitiveValuesItWarnsThatOthersMayChangeThem) {
  auto values = default_config();
  for (auto& [name, entity] : values.entity) entity.sensitive = false;
  const auto text = logged(values, connect(make_memory_server()));
  EXPECT_THAT(text, HasSubstr("every program that writes to the second level can change cached values"));
}

TEST(Gateway, DoesNotWarnWithKeysOrWithoutASecondLevel) {
  EXPECT_THAT(logged(default_config(), nullptr), Not(HasSubstr("second level")));
  auto values = default_config();
  const auto key = key_ring::generate();
  values.encryption.keys = "1:" + key;
  const auto text = logged(values, connect(make_memory_server()));
  EXPECT_THAT(text, Not(HasSubstr("second level")));
  EXPECT_THAT(text, Not(HasSubstr(key)));
}

TEST(Gateway, DoesNotOpenWithKeysThatCannotBeRead) {
  const test::temporary_folder folder;
  auto values = default_config();
  values.database = "sqlite:" + folder.file("strata.db");
  values.log.app = "off";
  values.encryption.keys_file = folder.file("keys");
  logs log(values.log);
  const auto opened = gateway::open(values, log);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("encryption.keys_file: " + folder.file("keys")));
}

}  // namespace
}  // namespace strata::gateway
