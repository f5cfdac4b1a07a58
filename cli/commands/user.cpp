#include "cli/platform_command.hpp"
#include "platform/accounts.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <algorithm>

namespace strata::cli {

namespace {

/// A user in the output of --json.
struct shown_user {
  std::string id, organization_id, email, name;
  bool is_admin = false;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(shown_user, (), (id, organization_id, email, name, is_admin, created_at))

shown_user shown(const platform::user& from) {
  return {from.id, from.organization_id, from.email, from.name, from.is_admin, from.created_at};
}

/// Adds, lists and removes users, and sets their passwords: `strata user add|list|passwd|verify|remove`.
class user_command final : public platform_command {
 public:
  user_command(CLI::App& flags, const registry& program) : platform_command("user", program) {
    add_ = flags.add_subcommand("add", "add a user; the password is the first line of standard input");
    add_->add_option("EMAIL", email_, "the login")->required();
    add_->add_option("--organization", organization_, "the id of their organization")->required();
    add_->add_option("--name", name_, "default: the part of EMAIL before the @");
    add_->add_flag("--admin", is_admin_, "make the user an administrator of the organization");
    list_ = flags.add_subcommand("list", "list users");
    list_->add_option("--organization", organization_, "only those of the organization with this id");
    passwd_ = flags.add_subcommand(
        "passwd", "set a password, from the first line of standard input, and end the user's sessions");
    passwd_->add_option("USER", email_, "email or id")->required();
    verify_ = flags.add_subcommand(
        "verify",
        "let a user whose email an administrator set log in with it, without naming the organization");
    verify_->add_option("USER", email_, "email or id")->required();
    remove_ = flags.add_subcommand("remove", "remove a user with their sessions, settings and permissions");
    remove_->add_option("USER", email_, "email or id")->required();
    add_flags(flags, {add_, list_, passwd_, verify_, remove_}, is_account_setting);
    flags.footer(
        "The first administrator: strata org add NAME, then strata user add EMAIL --organization ID "
        "--admin.\n"
        "Never pass a password as an argument: every user of the machine can read it there.");
  }

 private:
  result<void> prepare() override {
    if (!add_->parsed() && !passwd_->parsed()) return {};
    auto read = read_password();
    if (!read) return std::unexpected(std::move(read.error()));
    password_ = std::move(*read);
    return {};
  }

  int run_on(platform::app& app) override {
    if (add_->parsed()) return add(app);
    if (list_->parsed()) return list(app);
    const auto found = sync_wait(platform::find_user(app, email_));
    if (!found) return failed(found.error().detail);
    if (passwd_->parsed()) return set_password(app, *found);
    return verify_->parsed() ? verify(app, *found) : remove(app, *found);
  }

  int add(platform::app& app) const {
    const auto made = sync_wait(platform::add_user(app, {.email = email_,
                                                         .name = name_,
                                                         .organization_id = organization_,
                                                         .is_admin = is_admin_,
                                                         .password = password_}));
    if (!made) return failed(made.error().detail);
    return print(json::text_of(shown(*made)), fmt::format("user {} added", made->id));
  }

  int list(platform::app& app) const {
    const auto found = sync_wait(platform::list_users(app, organization_));
    if (!found) return failed(found.error().detail);
    if (wants_json()) {
      std::vector<shown_user> all;
      for (const auto& each : *found) all.push_back(shown(each));
      fmt::print("{}\n", json::text_of(all));
      return exit_ok;
    }
    for (const auto& each : *found) {
      fmt::print("{}  {}  {}  {}\n", each.id, each.organization_id, each.is_admin ? "admin " : "member",
                 each.email);
    }
    return exit_ok;
  }

  int set_password(platform::app& app, const platform::user& of) const {
    const auto ended = sync_wait(platform::set_password(app, of.id, password_));
    if (!ended) return failed(ended.error().detail);
    return print(fmt::format("{{\"sessions\":{}}}", *ended),
                 fmt::format("password of {} set; {} sessions ended", of.email, *ended));
  }

  int verify(platform::app& app, const platform::user& of) const {
    const auto done = sync_wait(platform::verify_email(app, of.id));
    if (!done) return failed(done.error().detail);
    return print(json::text_of(shown(of)), fmt::format("{} logs in with the email alone", of.email));
  }

  int remove(platform::app& app, const platform::user& of) const {
    const auto gone = sync_wait(platform::remove_user(app, of.id));
    if (!gone) return failed(gone.error().detail);
    return print(json::text_of(shown(of)), fmt::format("user {} removed", of.id));
  }

  CLI::App* add_ = nullptr;
  CLI::App* list_ = nullptr;
  CLI::App* passwd_ = nullptr;
  CLI::App* verify_ = nullptr;
  CLI::App* remove_ = nullptr;
  std::string email_, organization_, name_, password_;
  bool is_admin_ = false;
};

}  // namespace

void add_user(registry& to) {
  to.add<user_command>("user", "add, list and remove users, and set their passwords");
}

}  // namespace strata::cli
