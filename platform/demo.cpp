#include "platform/demo.hpp"

#include "platform/demo_vocabulary.hpp"
#include "platform/ids.hpp"

#include <strata/time.hpp>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <utility>

namespace strata::platform {

namespace {

namespace json = boost::json;
using strata::result;
using strata::task;
using strata::unit_of_work;

constexpr std::string_view admin_password = "demo-admin-2f7c";
constexpr std::string_view member_password = "demo-member-91ab";
constexpr std::size_t users_each = 10;
constexpr std::size_t agents_in_all = 500;
constexpr std::size_t listings_in_all = 300;

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere, which std's distributions do
// not promise.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    state_ += 0x9e3779b97f4a7c15;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::size_t>((z ^ (z >> 31)) % limit);
  }
  template <class Range>
  auto& pick(const Range& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c + 32);
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

std::string days_ago(strata::wall_time now, std::size_t days, std::size_t minutes) {
  return strata::rfc3339(now - std::chrono::days(days) - std::chrono::minutes(minutes));
}

organization make_organization(const demo::home& of, strata::wall_time now) {
  organization out;
  out.id = stable_id(organization_prefix, of.slug);
  out.name = of.name;
  out.plan = of.plan;
  out.created_at = days_ago(now, 420, 0);
  return out;
}

user make_user(std::size_t home_index, std::size_t index, strata::wall_time now) {
  const auto& of = demo::homes()[home_index];
  const auto at = home_index * users_each + index;
  const auto first = demo::first_names()[at];
  const auto last = demo::last_names()[at];
  user out;
  out.name = fmt::format("{} {}", first, last);
  out.email = fmt::format("{}.{}@{}", slug(first), slug(last), of.domain);
  out.id = stable_id(user_prefix, out.email);
  out.organization_id = stable_id(organization_prefix, of.slug);
  out.is_admin = index == 0;
  out.created_at = days_ago(now, 400 - 10 * index, 17 * index);
  return out;
}

struct made_agent {
  agent row;
  strata::json::raw config, tools;
};

made_agent make_agent(std::size_t index, dice& roll, strata::wall_time now) {
  const auto homes = demo::homes();
  const auto& of = homes[index % homes.size()];
  const auto nth = index / homes.size();  // areas × jobs are 180 names, enough for a third of 500
  const auto& area = of.areas[nth % of.areas.size()];
  const auto& job = demo::jobs()[(nth / of.areas.size() + nth % of.areas.size()) % demo::jobs().size()];
  made_agent out;
  out.row.name = fmt::format("{} {}", area.name, job.name);
  out.row.description = fmt::format(fmt::runtime(job.does), area.input) + ' ' +
                        fmt::format(fmt::runtime(job.handles), area.owner);
  out.row.id = stable_id(agent_prefix, fmt::format("{}/{}/{}", of.slug, slug(out.row.name), nth));
  out.row.organization_id = stable_id(organization_prefix, of.slug);
  const auto luck = roll.below(100);
  out.row.status = luck < 78 ? "active" : luck < 88 ? "paused" : luck < 95 ? "draft" : "archived";
  out.row.is_public = roll.below(8) == 0;
  out.row.execution_count =
      out.row.status == "draft" ? 0 : static_cast<std::int64_t>(roll.below(40) * roll.below(900));
  out.row.created_at = days_ago(now, 2 + roll.below(380), roll.below(1440));
  out.config.text = strata::json::to_text(json::object{
      {"model", std::string(roll.pick(demo::models()))},
      {"temperature", static_cast<double>(roll.below(8)) / 10},
      {"max_output_tokens", 512 << roll.below(4)},
      {"instructions", "You work for " + std::string(of.name) + ". " + out.row.description},
      {"limits",
       {{"requests_per_minute", 10 * (1 + roll.below(12))}, {"daily_cost_eur", 2 + roll.below(40)}}}});
  out.tools.text = strata::json::to_text(json::object{
      {"tools",
       json::array{
           {{"name", "search"}, {"source", std::string(area.input)}, {"enabled", true}},
           {{"name", std::string(job.tool)}, {"timeout_seconds", 5 + roll.below(25)}, {"enabled", true}},
           {{"name", "hand_over"}, {"to", std::string(area.owner)}, {"enabled", roll.below(10) != 0}}}}});
  return out;
}

listing make_listing(std::size_t index, dice& roll, strata::wall_time now) {
  const auto shelves = demo::shelves();
  const auto& on = shelves[index % shelves.size()];
  const auto brand = demo::brands()[index / shelves.size()];
  const auto publisher = roll.pick(demo::publishers());
  listing out;
  out.name = fmt::format("{} {}", brand, on.noun);
  out.description = on.texts[roll.below(on.texts.size())];
  out.publisher = publisher;
  const auto name = slug(out.name);
  out.id = stable_id(listing_prefix, "demo/" + name);
  out.repository_url = fmt::format("https://git.example/{}/{}", slug(publisher), name);
  const auto package = on.registry == "npm" ? fmt::format("@{}/{}", slug(publisher), name) : name;
  out.packages.text = strata::json::to_text(
      json::array{{{"registry_name", std::string(on.registry)},
                   {"name", package},
                   {"version", fmt::format("{}.{}.{}", roll.below(4), roll.below(12), roll.below(9))}}});
  out.install_count = static_cast<std::int64_t>(roll.below(60) * roll.below(200));
  out.created_at = days_ago(now, 5 + roll.below(500), roll.below(1440));
  return out;
}

// Runs `step` with what it made, or returns why it could not.
template <class T>
result<void> outcome_of(const result<T>& step) {
  if (!step) return std::unexpected(step.error());
  return {};
}

class filling {
 public:
  filling(const repositories& data, unit_of_work& work) : data_(data), work_(work), now_(data.now()) {}

  task<result<void>> run(std::string admin_hash, std::string member_hash) {
    for (std::size_t h = 0; h < demo::homes().size(); ++h) {
      auto made = co_await data_.organizations.create_in(work_, make_organization(demo::homes()[h], now_));
      if (!made) co_return outcome_of(made);
      happened.push_back(organization_event("created", *made));
      for (std::size_t i = 0; i < users_each; ++i) {
        auto added = co_await add_user(h, i, i == 0 ? admin_hash : member_hash);
        if (!added) co_return added;
      }
    }
    dice roll(20250516);
    for (std::size_t i = 0; i < agents_in_all; ++i) {
      auto added = co_await add_agent(make_agent(i, roll, now_));
      if (!added) co_return added;
    }
    for (std::size_t i = 0; i < listings_in_all; ++i) {
      auto made = co_await data_.listings.create_in(work_, make_listing(i, roll, now_));
      if (!made) co_return outcome_of(made);
      happened.push_back(listing_event("created", *made));
    }
    co_return result<void>();
  }

  std::vector<strata::domain_event> happened;

 private:
  task<result<void>> add_user(std::size_t home_index, std::size_t index, std::string hash) {
    auto made = co_await data_.users.create_in(work_, make_user(home_index, index, now_));
    if (!made) co_return outcome_of(made);
    happened.push_back(user_event("created", *made));
    user_permissions rights;
    rights.id = made->id;
    if (made->is_admin) rights.permissions = {"agents:*"};
    auto granted = co_await data_.permissions.create_in(work_, std::move(rights));
    if (!granted) co_return outcome_of(granted);
    stored_document settings;
    settings.id = made->id;
    settings.document.text =
        R"({"theme":"system","language":"en","notifications":{"email":true,"digest":"weekly"}})";
    auto set = co_await data_.settings.create_in(work_, std::move(settings));
    if (!set) co_return outcome_of(set);
    credential login{made->id, std::move(hash)};
    co_return co_await data_.set_credential(work_, std::move(login));
  }

  task<result<void>> add_agent(made_agent from) {
    auto made = co_await data_.agents.create_in(work_, std::move(from.row));
    if (!made) co_return outcome_of(made);
    happened.push_back(agent_event("created", *made));
    stored_document config;
    config.id = made->id;
    config.document = std::move(from.config);
    auto configured = co_await data_.configs.create_in(work_, std::move(config));
    if (!configured) co_return outcome_of(configured);
    stored_document tools;
    tools.id = made->id;
    tools.document = std::move(from.tools);
    co_return outcome_of(co_await data_.tools.create_in(work_, std::move(tools)));
  }

  const repositories& data_;
  unit_of_work& work_;
  strata::wall_time now_;
};

// The two logins, of the first organization's first and second user.
std::vector<demo_login> logins() {
  std::vector<demo_login> out;
  for (const std::size_t index : {0, 1}) {
    auto of = make_user(0, index, {});
    out.push_back({of.email, std::string(of.is_admin ? admin_password : member_password), of.is_admin,
                   of.organization_id});
  }
  return out;
}

task<result<std::vector<demo_login>>> earlier_logins(const repositories& data) {
  std::vector<demo_login> out;
  for (auto& each : logins()) {
    auto known = co_await data.credential_of(each.email);
    if (!known) co_return std::unexpected(std::move(known.error()));
    if (*known) out.push_back(std::move(each));
  }
  co_return out;
}

}  // namespace

task<result<std::vector<demo_login>>> fill_demo(const repositories& data, password_hasher& passwords) {
  auto empty = co_await data.empty();
  if (!empty) co_return std::unexpected(std::move(empty.error()));
  if (!*empty) co_return co_await earlier_logins(data);
  auto admin = co_await passwords.hash(std::string(admin_password));
  if (!admin) co_return std::unexpected(std::move(admin.error()));
  auto member = co_await passwords.hash(std::string(member_password));
  if (!member) co_return std::unexpected(std::move(member.error()));
  auto work = co_await data.begin();
  if (!work) co_return std::unexpected(std::move(work.error()));
  filling fill(data, *work);
  auto filled = co_await fill.run(std::move(*admin), std::move(*member));
  if (!filled) co_return std::unexpected(std::move(filled.error()));
  auto done = co_await data.commit(std::move(*work), std::move(fill.happened));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return logins();
}

}  // namespace strata::platform
