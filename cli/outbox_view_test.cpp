#include "cli/outbox_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

outbox_status sample() {
  outbox_status out{.present = true, .bytes = 3u << 20, .limit = 1u << 30};
  out.tables.push_back({.rule = {.table = "public.agents",
                                 .keys = {"agent:{id}", "agent:{id}:config"},
                                 .prefixes = {"api:agents:list:{organization_id}"},
                                 .event = "agent",
                                 .level = trigger_level::statement}});
  out.leaders.push_back({.name_space = "strata", .term = 2, .age = std::chrono::milliseconds(12)});
  return out;
}

TEST(OutboxView, ShowsWhatEachTableMakesInvalid) {
  const auto view = outbox_view(sample());
  EXPECT_THAT(view, HasSubstr("outbox: 3.0 MiB of 1024.0 MiB"));
  EXPECT_THAT(view, HasSubstr("public.agents: by statement\n"));
  EXPECT_THAT(view, HasSubstr("agent:{id} agent:{id}:config"));
  EXPECT_THAT(view, HasSubstr("relay of strata: saved its position 0.01s ago, term 2"));
  EXPECT_THAT(view, Not(HasSubstr("tags")));
  EXPECT_THAT(view, Not(HasSubstr("full")));
}

TEST(OutboxView, ShowsProblems) {
  auto status = sample();
  status.tables.front().complete = false;
  status.tables.front().problems = {"triggers are missing or disabled"};
  status.problems = {"parts are missing"};
  status.overflowed = 12;
  const auto view = outbox_view(status);
  EXPECT_THAT(view, HasSubstr("by statement; not complete\n  problem    triggers are missing or disabled\n"));
  EXPECT_THAT(view, HasSubstr("12 statements could not be recorded"));
  EXPECT_THAT(view, HasSubstr("\n  problem    parts are missing\n"));
  EXPECT_THAT(outbox_json(status), HasSubstr(R"("problems":["triggers are missing or disabled"])"));
  EXPECT_THAT(outbox_view({.problems = {"the schema was renamed"}}), HasSubstr("\n  problem    the schema"));
  EXPECT_THAT(outbox_view({}), HasSubstr("there is no outbox"));
}

TEST(OutboxView, PrintsTheSameAsJson) {
  const auto text = outbox_json(sample());
  EXPECT_THAT(text, HasSubstr(R"("present":true)"));
  EXPECT_THAT(text, HasSubstr(R"("keys":["agent:{id}","agent:{id}:config"])"));
  EXPECT_THAT(text, HasSubstr(R"("level":"statement","complete":true)"));
  EXPECT_THAT(text, HasSubstr(R"("name_space":"strata","term":2)"));
  EXPECT_THAT(outbox_json({}), HasSubstr(R"("present":false,"tables":[])"));
}

}  // namespace
}  // namespace strata::cli
