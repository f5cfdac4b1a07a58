#include "platform/endpoints.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <set>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;

std::string filled(std::string_view pattern) {
  std::string out(pattern);
  if (const auto at = out.find("{id}"); at != std::string::npos) out.replace(at, 4, "agt_123456789012");
  return out;
}

TEST(Endpoints, AreTheRoutesAndTheOpenApiDocument) {
  testing::world at;
  const auto described = at.ask("GET", "/openapi.json");
  EXPECT_EQ(described.status, 200);
  EXPECT_EQ(described.field("Cache-Control"), "public, max-age=3600");
  const auto document = described.json();
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");

  std::size_t described_operations = 0;
  for (const auto& path : document.at("paths").as_object()) {
    // The router allows exactly the methods that the document describes.
    std::set<std::string> allowed{"HEAD", "OPTIONS"};
    const auto& operations = path.value().as_object();
    for (const auto& operation : operations) {
      std::string method(operation.key());
      for (auto& c : method) c = static_cast<char>(c - 32);
      allowed.insert(method);
      ++described_operations;
    }
    if (!operations.contains("get")) allowed.erase("HEAD");
    std::set<std::string> routed;
    std::istringstream names(at.ask("OPTIONS", filled(path.key())).field("Allow"));
    for (std::string name; names >> name;)
      routed.insert(name.ends_with(',') ? name.substr(0, name.size() - 1) : name);
    // /users/me and /users/{id} share a place: the fixed one has its own methods.
    EXPECT_EQ(routed, allowed) << path.key();
  }
  EXPECT_EQ(described_operations, endpoints().size());
}

TEST(Endpoints, DescribeOnlySchemasThatAreThere) {
  const auto document = *strata::json::parse(openapi_text());
  const auto text = strata::json::to_text(document);
  const auto& schemas = document.at("components").at("schemas").as_object();
  constexpr std::string_view mark = "#/components/schemas/";
  std::set<std::string> used;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto name = text.substr(at + mark.size(), text.find('"', at) - at - mark.size());
    used.insert(name);
    EXPECT_TRUE(schemas.contains(name)) << name;
  }
  for (const auto& each : schemas)
    EXPECT_TRUE(used.contains(std::string(each.key()))) << each.key() << " is not used";
}

TEST(Endpoints, RequireALoginExceptTheMarketplaceAndTheDescriptions) {
  testing::world at;
  std::set<std::string> open;
  for (const auto& each : endpoints()) {
    const auto answer = at.ask(strata::server::name(each.on), filled(each.pattern));
    if (answer.status != 401) open.insert(std::string(each.pattern));
  }
  EXPECT_EQ(open, (std::set<std::string>{"/auth/login", "/auth/invitations", "/marketplace/listings",
                                         "/marketplace/listings/{id}"}));
}

TEST(Endpoints, RefuseMembersWhereAnAdministratorIsRequired) {
  testing::world at;
  const auto home = at.add_organization("Home");
  const auto token = at.login(at.add_user(home, "m@home.example", false).email);
  for (const auto& each : endpoints()) {
    if (each.who != access::admin) continue;
    EXPECT_EQ(at.ask(strata::server::name(each.on), filled(each.pattern), token, "{}").status, 403)
        << each.pattern;
  }
}

TEST(Endpoints, AreAllOnTheDocsPage) {
  testing::world at;
  const auto page = at.ask("GET", "/docs", {}, {}, {{"Accept", "text/html"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  for (const auto& each : endpoints())
    EXPECT_THAT(page.body, HasSubstr("<code>" + std::string(each.pattern) + "</code>"));
}

TEST(Endpoints, TheRootLeadsToTheDocsPage) {
  testing::world at;
  const auto root = at.ask("GET", "/", {}, {}, {{"Accept", "text/html"}});
  EXPECT_EQ(root.status, 302);
  EXPECT_EQ(root.field("Location"), "/docs");
  EXPECT_EQ(root.field("Cache-Control"), "public, max-age=3600");
}

TEST(Endpoints, TheDocsPageKeepsItsOwnPolicy) {
  testing::world at;
  const auto page = at.ask("GET", "/docs");
  EXPECT_THAT(page.field("Content-Security-Policy"), HasSubstr("style-src 'self'"));
  for (const auto* forbidden : {"<style", "<script>", " style=", " onclick="}) {
    EXPECT_THAT(page.body, ::testing::Not(HasSubstr(forbidden)));
  }
  std::size_t files = 0;
  constexpr std::string_view mark = "href=\"/assets/";
  for (auto found = page.body.find(mark); found != std::string::npos;
       found = page.body.find(mark, found + 1)) {
    const auto start = found + 6;
    const auto file = at.ask("GET", page.body.substr(start, page.body.find('"', start) - start));
    EXPECT_EQ(file.status, 200);
    EXPECT_EQ(file.field("Cache-Control"), "public, max-age=31536000, immutable");
    ++files;
  }
  EXPECT_EQ(files, 2u);
}

}  // namespace
}  // namespace strata::platform
