#include "platform/demo.hpp"

#include "platform/credentials.hpp"
#include "platform/demo_writer.hpp"
#include "platform/entities/user.hpp"

#include <strata/time.hpp>

#include <optional>
#include <utility>

namespace strata::platform {

namespace {

constexpr std::string_view admin_password = "demo-admin-2f7c";
constexpr std::string_view member_password = "demo-member-91ab";
constexpr int most_attempts = 12;  // a statement that is held up ends after seconds

// The two logins, of the first organization's first and second user.
std::vector<demo_login> logins() {
  std::vector<demo_login> out;
  for (const std::size_t index : {0, 1}) {
    auto of = demo_user(0, index, {});
    out.push_back({of.email, std::string(of.is_admin ? admin_password : member_password), of.is_admin,
                   of.organization_id});
  }
  return out;
}

task<result<std::vector<demo_login>>> earlier_logins(const repositories& data) {
  std::vector<demo_login> out;
  for (auto& each : logins()) {
    auto known = co_await credential_of(data, each.email);
    if (!known) co_return std::unexpected(std::move(known.error()));
    if (*known) out.push_back(std::move(each));
  }
  co_return out;
}

struct demo_passwords {
  std::string admin;
  std::string member;
};

task<result<demo_passwords>> hash_passwords(password_hasher& passwords) {
  auto admin = co_await passwords.hash(std::string(admin_password));
  if (!admin) co_return std::unexpected(std::move(admin.error()));
  auto member = co_await passwords.hash(std::string(member_password));
  if (!member) co_return std::unexpected(std::move(member.error()));
  co_return demo_passwords{std::move(*admin), std::move(*member)};
}

/// Whether another process may be filling the database at the same time: its rows collide with ours once it
/// has committed, and hold our statements up before that.
bool may_have_collided(errc code) {
  return code == errc::constraint || code == errc::contention || code == errc::timeout || code == errc::busy;
}

task<result<void>> fill_empty(const repositories& data, const demo_passwords& hashes) {
  auto work = co_await data.begin();
  if (!work) co_return std::unexpected(std::move(work.error()));
  demo_writer writer(data, *work, hashes.admin, hashes.member);
  for (const auto& each : data.entities().definitions()) {
    if (each.add_demo == nullptr) continue;
    auto added = co_await each.add_demo(writer);
    if (!added) co_return std::unexpected(std::move(added.error()));
  }
  auto done = co_await data.commit(std::move(*work), std::move(writer.events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<void>();
}

}  // namespace

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

std::string days_ago(wall_time now, std::size_t days, std::size_t minutes) {
  return rfc3339(now - std::chrono::days(days) - std::chrono::minutes(minutes));
}

task<result<std::vector<demo_login>>> fill_demo(const repositories& data, password_hasher& passwords) {
  std::optional<demo_passwords> hashes;
  for (int attempt = 1;; ++attempt) {
    auto empty = co_await data.empty();
    if (!empty) co_return std::unexpected(std::move(empty.error()));
    if (!*empty) co_return co_await earlier_logins(data);
    if (!hashes) {
      auto hashed = co_await hash_passwords(passwords);
      if (!hashed) co_return std::unexpected(std::move(hashed.error()));
      hashes = std::move(*hashed);
    }
    auto done = co_await fill_empty(data, *hashes);
    if (done) co_return logins();
    if (!may_have_collided(done.error().code) || attempt == most_attempts)
      co_return std::unexpected(std::move(done.error()));
  }
}

}  // namespace strata::platform
