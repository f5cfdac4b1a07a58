// No route of the API reaches another organization's rows. The routes come from the table that the router
// serves.

#include "platform/edit.hpp"
#include "platform/endpoints.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <map>

namespace strata::platform {
namespace {

using testing::must;

class Tenants : public testing::PlatformTest {
 protected:
  agent own = at.add_agent(home, "Agent of home");
  std::string session_id = at.ask("GET", "/auth/sessions", member_token).text("/items/0/id");

  /// `pattern` with the id of a row of `home`; empty if it names none.
  std::string path_to_home(std::string_view pattern) const {
    const std::map<std::string_view, std::string> ids{{"/users/", member.id},
                                                      {"/organizations/", home.id},
                                                      {"/agents/", own.id},
                                                      {"/auth/sessions/", session_id}};
    for (const auto& [start, id] : ids) {
      if (!pattern.starts_with(start) || !pattern.contains("{id}")) continue;
      return std::string(start) + id + std::string(pattern.substr(start.size() + 4));
    }
    return {};
  }

  static std::string body_for(const endpoint& of) {
    if (of.pattern.ends_with("/permissions")) return R"({"permissions":["agents:*"]})";
    if (of.on == server::method::patch) return R"({"name":"Changed"})";
    return of.request.empty() ? "" : R"({"changed":true})";
  }

  /// The rows of `home` as text.
  std::string rows() const {
    std::string out;
    for (const auto* table : {"users", "organizations", "agents", "user_permissions", "user_settings",
                              "agent_configs", "agent_tools", "sessions", "invitations"}) {
      auto found =
          must(sync_wait(at.database->query(std::string("SELECT * FROM ") + table + " ORDER BY id", {})));
      for (std::size_t i = 0; i < found.size(); ++i) {
        for (const auto& each : found.row(i)) {
          if (const auto* text = std::get_if<std::string>(&each)) out += *text + '|';
          if (const auto* number = std::get_if<std::int64_t>(&each)) out += std::to_string(*number) + '|';
        }
        out += '\n';
      }
    }
    return out;
  }
};

TEST_F(Tenants, ReachNothingOfOneAnotherOnAnyRoute) {
  const auto before = rows();
  std::size_t tried = 0;
  for (const auto& each : endpoints()) {
    const auto path = path_to_home(each.pattern);
    if (path.empty()) continue;
    ++tried;
    const auto answered = at.ask(server::name(each.on), path, stranger_token, body_for(each));
    EXPECT_EQ(answered.status, 404) << server::name(each.on) << ' ' << path << ' ' << answered.body;
    EXPECT_THAT(answered.body, ::testing::Not(::testing::HasSubstr("home"))) << path;
  }
  EXPECT_GE(tried, 17u);
  EXPECT_EQ(rows(), before);
}

TEST_F(Tenants, AreNamedInTheSqlOfEveryWrite) {
  auto work = must(sync_wait(at.data().begin()));
  const principal caller(stranger);
  EXPECT_FALSE(must(sync_wait(is_in_scope<agent_entity>(work, own.id, caller))));
  EXPECT_TRUE(must(sync_wait(is_in_scope<agent_entity>(work, own.id, principal(member)))));
  must(sync_wait(work.rollback()));
}

}  // namespace
}  // namespace strata::platform
