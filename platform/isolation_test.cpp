/// No answer crosses from one organization or user to another. The tests walk the router's own table, so a
/// new route is covered by existing: every route, every target of the first organization, every validator
/// that its owner holds, before and after the owner has filled the cache, asked by a stranger, by a colleague
/// and without a login.
///
/// What a caller may not see must look the same whatever its state is: a condition that turns a 404 into a
/// 304 or a 412 is an oracle.

#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

namespace strata::platform {
namespace {

using server::method;
using testing::answer;
using testing::fields;

/// Occurs in every text of the first organization, and nowhere else.
constexpr std::string_view mark = "owned-by-home";

class Isolation : public testing::PlatformTest {
 protected:
  struct target {
    method on;
    std::string pattern;
    std::string path;
    std::string absent;  ///< the same for an id of no row; equal to `path` if the pattern has no parameter
  };

  Isolation() {
    home_agent_ = at.add_agent(home, std::string(mark) + " agent");
    at.add_agent(abroad, "foreign agent");
    at.add_listing("a listing");
    const auto renamed = R"({"name":")" + std::string(mark) + R"("})";
    must_be(200, at.ask("PATCH", "/users/" + admin.id, admin_token, renamed));
    must_be(200, at.ask("PATCH", "/organizations/" + home.id, admin_token, renamed));
    const auto document = R"({"text":")" + std::string(mark) + R"("})";
    must_be(200, at.ask("PUT", "/users/" + admin.id + "/settings", admin_token, document));
    must_be(200, at.ask("PUT", "/agents/" + home_agent_.id + "/config", admin_token, document));
    must_be(200, at.ask("PUT", "/agents/" + home_agent_.id + "/tools", admin_token, document));
    const auto sessions = at.ask("GET", "/auth/sessions", admin_token);
    must_be(200, sessions);
    ids_ = {admin.id, home.id, home_agent_.id, sessions.text("/items/0/id")};
  }

  static void must_be(int status, const answer& got) {
    if (got.status != status) throw std::runtime_error(got.head + got.body);
  }

  /// An id of the same kind, of no row.
  static std::string another(const std::string& id) {
    auto out = id;
    for (std::size_t i = out.size() - 6; i < out.size(); ++i) out[i] = out[i] == 'z' ? 'y' : 'z';
    return out;
  }

  /// Every route with every id of the first organization in place of its parameters.
  std::vector<target> targets() const {
    std::vector<target> all;
    for (const auto& [on, route] : at.routes->all()) {
      const auto open = route->pattern.find('{');
      if (open == std::string::npos) {
        all.push_back({on, route->pattern, route->pattern, route->pattern});
        continue;
      }
      const auto close = route->pattern.find('}', open);
      for (const auto& id : ids_) {
        const auto filled = [&](const std::string& with) {
          return route->pattern.substr(0, open) + with + route->pattern.substr(close + 1);
        };
        all.push_back({on, route->pattern, filled(id), filled(another(id))});
      }
    }
    return all;
  }

  answer ask(const target& of, const std::string& path, const std::string& token,
             const fields& with = {}) const {
    const bool writes = of.on != method::get && of.on != method::delete_;
    return at.ask(server::name(of.on), path, token, writes ? "{}" : "", with);
  }

  void forget_everything() const { sync_wait(at.cache->invalidate({.everything = true})); }

  /// Conditions that name what the owner holds, and others that hold for anything that exists, or for
  /// nothing.
  static std::vector<fields> conditions(const answer& owned) {
    const auto etag = owned.field("ETag").empty() ? std::string("\"none\"") : owned.field("ETag");
    const auto modified = owned.field("Last-Modified").empty() ? std::string("Sun, 01 Mar 2026 00:00:00 GMT")
                                                               : owned.field("Last-Modified");
    std::vector<fields> all;
    for (const auto* name : {"If-None-Match", "If-Match"}) {
      for (const auto& value : {etag, "W/" + etag, std::string("*"), "\"x\", " + etag}) {
        all.push_back({{name, value}});
        all.push_back({{name, value}, {"Accept-Encoding", "gzip"}});
      }
    }
    for (const auto* name : {"If-Modified-Since", "If-Unmodified-Since"}) {
      for (const auto& value : {modified, std::string("Thu, 01 Jan 1970 00:00:01 GMT"),
                                std::string("Thu, 01 Jan 2099 00:00:00 GMT")}) {
        all.push_back({{name, value}});
      }
    }
    all.push_back({{"If-Range", etag}, {"Range", "bytes=0-0"}});
    return all;
  }

  /// The answer without what differs between two equal requests, and with `id` in place of the id that it
  /// names.
  static std::string comparable(const answer& of, const std::string& path) {
    std::string text = std::to_string(of.status) + '\n';
    std::istringstream lines(of.head);
    for (std::string line; std::getline(lines, line);) {
      const bool changes = line.starts_with("Date:") || line.starts_with("X-Request-Id:") ||
                           line.starts_with("RateLimit") || line.starts_with("Set-Cookie:") ||
                           line.starts_with("Strata-Mark:");  // encrypted, so never twice the same
      if (!changes) text += line + '\n';
    }
    text += of.body;
    for (auto found = text.find(path); found != std::string::npos; found = text.find(path)) {
      text.replace(found, path.size(), "PATH");
    }
    return text;
  }

  /// A session of the stranger; a new one if an endpoint has ended the last.
  const std::string& strangers() {
    if (at.ask("GET", "/auth/session", stranger_token).status != 200)
      stranger_token = at.login(stranger.email);
    return stranger_token;
  }

  static bool is_public(const answer& anonymous) { return anonymous.status != 401; }

  agent home_agent_;
  std::vector<std::string> ids_;
};

TEST_F(Isolation, TheTableHasSomethingToHideBehindEveryPrivateRead) {
  std::map<std::string, bool> served;
  for (const auto& each : targets()) {
    if (each.on != method::get || is_public(ask(each, each.path, ""))) continue;
    served[each.pattern] |= ask(each, each.path, admin_token).status == 200;
  }
  EXPECT_GE(served.size(), 8u);
  for (const auto& [pattern, any] : served) {
    EXPECT_TRUE(any) << pattern << " serves its owner nothing here: give Isolation a row of its entity";
  }
}

TEST_F(Isolation, AStrangerCannotTellWhatExists) {
  for (const bool cached : {false, true}) {
    forget_everything();
    for (const auto& each : targets()) {
      const bool reads = each.on == method::get;
      if (is_public(ask(each, each.path, "")) || (cached && !reads)) continue;
      answer owned;
      if (!reads || cached) owned = at.ask("GET", each.path, admin_token);
      for (const auto& with : conditions(owned)) {
        const auto& [name, value] = with.front();
        const auto got = ask(each, each.path, strangers(), with);
        const auto where = std::string(server::name(each.on)) + ' ' + each.path + ' ' + name + ": " + value +
                           (cached ? " (cached)" : "");
        EXPECT_NE(got.status, 401) << where;
        EXPECT_FALSE(got.head.contains(mark) || got.body.contains(mark)) << where << '\n' << got.body;
        if (each.path == each.absent) {
          if (reads && !owned.field("ETag").empty() && name == "If-None-Match" && value != "*") {
            EXPECT_EQ(got.status, 200) << where;
            EXPECT_NE(got.field("ETag"), owned.field("ETag")) << where;
          }
          continue;
        }
        EXPECT_EQ(got.field("ETag"), "") << where;
        EXPECT_TRUE(got.status != 304 && got.status != 412 && got.status / 100 != 2)
            << where << ' ' << got.status;
        const auto absent = ask(each, each.absent, strangers(), with);
        EXPECT_EQ(comparable(got, each.path), comparable(absent, each.absent)) << where;
      }
    }
  }
}

TEST_F(Isolation, NoConditionChangesARefusal) {
  forget_everything();
  for (const auto& each : targets()) {
    const auto anonymous = ask(each, each.path, "");
    if (is_public(anonymous)) continue;
    const auto owned = at.ask("GET", each.path, admin_token);
    for (const auto& with : conditions(owned)) {
      EXPECT_EQ(comparable(ask(each, each.path, "", with), each.path), comparable(anonymous, each.path))
          << each.path;
    }
    if (each.on != method::get) continue;
    const auto colleague = ask(each, each.path, member_token);
    if (colleague.status == 200) continue;
    EXPECT_FALSE(colleague.body.contains(mark)) << each.path;
    for (const auto& with : conditions(owned)) {
      const auto got = ask(each, each.path, member_token, with);
      EXPECT_EQ(comparable(got, each.path), comparable(colleague, each.path)) << each.path;
      EXPECT_EQ(got.field("ETag"), "") << each.path;
    }
  }
}

TEST_F(Isolation, AStrangersWritesChangeNothing) {
  const auto snapshot = [this] {
    std::map<std::string, std::string> tags;
    for (const auto& each : targets()) {
      if (each.on != method::get || is_public(ask(each, each.path, ""))) continue;
      const auto got = ask(each, each.path, admin_token);
      if (each.pattern != "/auth/session") tags[each.path] = std::to_string(got.status) + got.field("ETag");
    }
    return tags;
  };
  const auto before = snapshot();
  for (const auto& each : targets()) {
    if (each.on == method::get || each.path == each.absent) continue;
    const auto owned = at.ask("GET", each.path, admin_token);
    for (const auto& with :
         {fields{}, fields{{"If-Match", "*"}}, fields{{"If-Match", owned.field("ETag")}}}) {
      for (const auto* body : {"{}", R"({"name":"taken"})", R"({"permissions":[]})"}) {
        const auto got = at.ask(server::name(each.on), each.path, strangers(),
                                each.on == method::delete_ ? "" : body, with);
        EXPECT_TRUE(got.status == 404 || got.status == 403 || got.status == 422)
            << server::name(each.on) << ' ' << each.path << ' ' << got.status << got.body;
      }
    }
  }
  forget_everything();
  EXPECT_EQ(snapshot(), before);
}

TEST_F(Isolation, PublicAnswersAreTheSameForEverybody) {
  for (const auto& each : targets()) {
    if (each.on != method::get) continue;
    const auto anonymous = ask(each, each.path, "");
    if (!is_public(anonymous)) continue;
    EXPECT_FALSE(anonymous.field("Cache-Control").contains("private")) << each.path;
    const auto owned = ask(each, each.path, admin_token);
    const auto foreign = ask(each, each.path, stranger_token);
    EXPECT_EQ(owned.body, anonymous.body) << each.path;
    EXPECT_EQ(foreign.body, anonymous.body) << each.path;
    EXPECT_EQ(foreign.field("ETag"), owned.field("ETag")) << each.path;
    EXPECT_FALSE(owned.body.contains(mark)) << each.path;
  }
}

TEST_F(Isolation, PrivateAnswersAreNeverForSharedCaches) {
  for (const auto& each : targets()) {
    if (is_public(ask(each, each.path, ""))) continue;
    const auto got = ask(each, each.path, each.on == method::get ? admin_token : strangers());
    const auto control = got.field("Cache-Control");
    EXPECT_TRUE(control.starts_with("private") || control == "no-store") << each.path << ' ' << control;
    for (const auto* edge : {"CDN-Cache-Control", "Cache-Tag", "Surrogate-Key", "Cache-Groups"}) {
      EXPECT_EQ(got.field(edge), "") << each.path;
    }
  }
}

}  // namespace
}  // namespace strata::platform
