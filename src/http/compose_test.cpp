#include "http/compose.hpp"

#include <array>
#include <limits>

#include <gtest/gtest.h>

namespace strata::http {
namespace {

template <class... Arguments>
std::string text(void (*append)(std::string&, Arguments...), std::type_identity_t<Arguments>... arguments) {
  std::string out;
  append(out, arguments...);
  return out;
}

std::string status(const cache_status& of) {
  std::string out;
  append(out, of);
  return out;
}

TEST(Compose, CacheStatusSaysWhatHappened) {
  EXPECT_EQ(status({.ttl = std::chrono::seconds(1200), .detail = "l1"}), "strata; hit; ttl=1200; detail=l1");
  EXPECT_EQ(status({.forward = "miss", .stored = true, .detail = "absent"}),
            "strata; fwd=miss; stored; detail=absent");
  EXPECT_EQ(status({.forward = "stale", .collapsed = true, .ttl = std::chrono::seconds(-3)}),
            "strata; fwd=stale; collapsed; ttl=-3");
}

TEST(Compose, RateLimitFields) {
  const rate_limit state{.policy = "user",
                         .limit = 100,
                         .remaining = 57,
                         .window = std::chrono::seconds(60),
                         .reset_after = std::chrono::seconds(12)};
  EXPECT_EQ(text(append_policy, state), "\"user\";q=100;w=60");
  EXPECT_EQ(text(append_state, state), "\"user\";r=57;t=12");
}

TEST(Compose, AProblemNamesEveryError) {
  const std::array<problem_entry, 3> errors{
      {{"/name", "is missing"}, {"", "is no object"}, {"limit", "is above 100"}}};
  std::string out;
  append_problem(out, 422, {}, "the agent is not well formed", errors);
  EXPECT_EQ(out,
            R"({"type":"about:blank","title":"Unprocessable Content","status":422,)"
            R"("detail":"the agent is not well formed","errors":[{"pointer":"/name","detail":"is missing"},)"
            R"({"pointer":"","detail":"is no object"},{"parameter":"limit","detail":"is above 100"}]})");
}

TEST(Compose, AProblemIsValidJsonWhateverTheDetail) {
  std::string out;
  append_problem(out, 400, "T", "quote \" back \\ tab \t nul \x01 e \xC3\xA9 bad \xFF\xC3");
  EXPECT_EQ(out,
            "{\"type\":\"about:blank\",\"title\":\"T\",\"status\":400,\"detail\":"
            "\"quote \\\" back \\\\ tab \\u0009 nul \\u0001 e \xC3\xA9 bad \xEF\xBF\xBD\xEF\xBF\xBD\"}");
}

TEST(Compose, Numbers) {
  EXPECT_EQ(text(append_number, 0u), "0");
  EXPECT_EQ(text(append_number, std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(text(append_signed, std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

}  // namespace
}  // namespace strata::http
