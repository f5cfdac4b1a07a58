#include "cli/platform_command.hpp"
#include "platform/accounts.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

namespace strata::cli {

namespace {

/// A session in the output of --json.
struct shown_session {
  std::string id, device, address, created_at, used_at, expires_at;
};
BOOST_DESCRIBE_STRUCT(shown_session, (), (id, device, address, created_at, used_at, expires_at))

/// Lists and ends the sessions of a user: `strata sessions list|end --user USER`.
class sessions_command final : public platform_command {
 public:
  sessions_command(CLI::App& flags, const registry& program) : platform_command("sessions", program) {
    list_ = flags.add_subcommand("list", "list a user's sessions, the last used first");
    end_ = flags.add_subcommand("end", "end a user's sessions, on every gateway");
    end_->add_option("--id", id_, "end only the session with this id");
    for (auto* each : {list_, end_}) each->add_option("--user", user_, "id or email")->required();
    add_flags(flags, {list_, end_}, is_account_setting);
  }

 private:
  int run_on(platform::app& app) override {
    const auto found = sync_wait(platform::find_user(app, user_));
    if (!found) return failed(found.error().detail);
    return list_->parsed() ? list(app, found->id) : end(app, found->id);
  }

  int list(platform::app& app, const std::string& user_id) const {
    const auto found = sync_wait(app.sessions().list(user_id));
    if (!found) return failed(found.error().detail);
    std::vector<shown_session> all;
    for (const auto& each : *found) {
      all.push_back({each.id, each.device, each.address, rfc3339(each.created_at), rfc3339(each.used_at),
                     rfc3339(each.ends_at)});
    }
    if (wants_json()) {
      fmt::print("{}\n", json::text_of(all));
      return exit_ok;
    }
    for (const auto& each : all) {
      fmt::print("{}  used {}  from {}  {}\n", each.id, each.used_at, each.address, each.device);
    }
    return exit_ok;
  }

  int end(platform::app& app, const std::string& user_id) const {
    std::size_t count = 0;
    if (id_.empty()) {
      const auto ended = sync_wait(app.sessions().end_all(user_id));
      if (!ended) return failed(ended.error().detail);
      count = *ended;
    } else {
      const auto ended = sync_wait(app.sessions().end_one(user_id, id_));
      if (!ended) return failed(ended.error().detail);
      if (!*ended) return failed(fmt::format("{} has no session {}", user_, id_));
      count = 1;
    }
    return print(fmt::format("{{\"sessions\":{}}}", count), fmt::format("{} sessions ended", count));
  }

  CLI::App* list_ = nullptr;
  CLI::App* end_ = nullptr;
  std::string user_, id_;
};

}  // namespace

void add_sessions(registry& to) {
  to.add<sessions_command>("sessions", "list and end the sessions of a user");
}

}  // namespace strata::cli
