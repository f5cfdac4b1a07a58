#include "cli/command.hpp"
#include "gateway/key_use.hpp"
#include "gateway/keys.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <cstdint>
#include <vector>

namespace strata::cli {

namespace {

struct listed_key {
  std::uint32_t id = 0;
  bool encrypts = false;
  std::uint64_t values = 0;
  std::uint64_t sessions = 0;
};
BOOST_DESCRIBE_STRUCT(listed_key, (), (id, encrypts, values, sessions))

int failed(std::string_view subcommand, const error& why) {
  print_error(fmt::format("key {}: {}", subcommand, why.detail));
  return exit_failed;
}

std::uint64_t count_of(const std::map<std::uint32_t, std::uint64_t>& counts, std::uint32_t id) {
  const auto found = counts.find(id);
  return found == counts.end() ? 0 : found->second;
}

/// Makes, lists and retires the keys of a file.
class key_command final : public command {
 public:
  key_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.require_subcommand(1);
    flags.fallthrough();
    config_.add_config_file(flags);
    config_.add_settings(flags, program, [](const setting& each) {
      return is_database_setting(each) || each.key == "store" || each.key.starts_with("encryption.");
    });
    add_json_flag(flags, json_);
    make_ = flags.add_subcommand("new", "make a key: 32 random bytes with an id");
    make_->fallthrough();
    make_->add_option("FILE", file_, "file to add it to, made if it is not there; none: print it");
    make_->add_option("--id", id_, "its id; default one more than the largest in FILE, or 1")
        ->check(CLI::PositiveNumber);
    list_ = flags.add_subcommand("list", "show the keys of a file, and how much is sealed with each");
    list_->fallthrough();
    list_->add_option("FILE", file_, "default: encryption.keys_file, or a demo's");
    retire_ =
        flags.add_subcommand("retire", "take a key out of a file, if nothing is sealed with it any more");
    retire_->fallthrough();
    retire_->add_option("ID", id_, "the key's id")->required()->check(CLI::PositiveNumber);
    retire_->add_option("FILE", file_, "default: encryption.keys_file");
    flags.footer(
        "The first key of a file seals; every key opens. To rotate: add a key and send SIGHUP to every "
        "gateway,\n"
        "then make it the sealing one with encryption.active, or by moving it to the file's first line, and "
        "send\n"
        "SIGHUP again. When the old key's values have ended, retire it. list and retire read every value of "
        "the\n"
        "store, and the sessions of the database.");
  }

  int run() override {
    if (make_->parsed()) return make();
    const auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    if (file_.empty()) file_ = loaded->values.encryption.keys_file;
    if (const auto made = gateway::demo_keys_file(loaded->values.database);
        file_.empty() && gateway::has_demo_keys(made)) {
      file_ = made;
    }
    if (file_.empty()) {
      print_error("key: name the FILE, or set encryption.keys_file");
      return exit_wrong_use;
    }
    return list_->parsed() ? list(loaded->values) : retire(loaded->values);
  }

 private:
  int make() {
    if (file_.empty()) {
      fmt::print("{}\n", gateway::key_line(id_ == 0 ? 1 : id_));
      return exit_ok;
    }
    const auto added = gateway::add_key(file_, id_);
    if (!added) return failed("new", added.error());
    fmt::print("key {} added to {}\n", *added, file_);
    return exit_ok;
  }

  /// The id of the key that seals. Requires: `ids` is not empty.
  static std::uint32_t active(const gateway::config& values, const std::vector<std::uint32_t>& ids) {
    return values.encryption.active != 0 ? values.encryption.active : ids.front();
  }

  int list(const gateway::config& values) const {
    const auto ids = gateway::key_ids(file_);
    if (!ids) return failed("list", ids.error());
    const auto use = gateway::count_key_use(values);
    if (!use) return failed("list", use.error());
    std::vector<listed_key> found;
    for (const auto id : *ids) {
      found.push_back({.id = id,
                       .encrypts = id == active(values, *ids),
                       .values = count_of(use->values, id),
                       .sessions = count_of(use->sessions, id)});
    }
    if (json_) {
      fmt::print("{}\n", json::text_of(found));
      return exit_ok;
    }
    for (const auto& each : found) {
      fmt::print("key {}: {} values, {} sessions{}\n", each.id, each.values, each.sessions,
                 each.encrypts ? "; it seals" : "");
    }
    return exit_ok;
  }

  int retire(const gateway::config& values) const {
    const auto ids = gateway::key_ids(file_);
    if (!ids) return failed("retire", ids.error());
    if (id_ == active(values, *ids)) {
      print_error(fmt::format("key retire: key {} seals; make another one active before", id_));
      return exit_failed;
    }
    const auto use = gateway::count_key_use(values);
    if (!use) return failed("retire", use.error());
    if (use->of(id_) != 0) {
      print_error(
          fmt::format("key retire: {} values and {} sessions are still sealed with key {}; wait until they "
                      "have ended, or invalidate them",
                      count_of(use->values, id_), count_of(use->sessions, id_), id_));
      return exit_failed;
    }
    if (const auto done = gateway::remove_key(file_, id_); !done) return failed("retire", done.error());
    fmt::print("key {} is no longer in {}; gateways forget it at their next start\n", id_, file_);
    return exit_ok;
  }

  const registry& program_;
  config_flags config_;
  CLI::App* make_ = nullptr;
  CLI::App* list_ = nullptr;
  CLI::App* retire_ = nullptr;
  std::string file_;
  std::uint32_t id_ = 0;  // of new, 0: the next one
  bool json_ = false;
};

}  // namespace

void add_key(registry& to) {
  to.add<key_command>("key", "make, list and retire the keys that protect values");
}

}  // namespace strata::cli
