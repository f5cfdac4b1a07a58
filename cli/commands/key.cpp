#include "cli/command.hpp"
#include "gateway/keys.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace strata::cli {

namespace {

/// Makes keys for encryption: `strata key new`.
class key_command final : public command {
 public:
  key_command(CLI::App& flags, const registry&) {
    auto& make = *flags.add_subcommand("new", "make a key: 32 random bytes with an id");
    make.add_option("FILE", file_,
                    "encryption.keys_file to add it to, made if it is not there; none: print it");
    make.add_option("--id", id_, "its id; default one more than the largest in FILE, or 1")
        ->check(CLI::PositiveNumber);
    flags.require_subcommand(1);
    flags.footer(
        "The first key of a file encrypts; every key decrypts. To rotate: add a key, restart every gateway,\n"
        "then make it the encrypting one with encryption.active, or by moving it to the file's first line.");
  }

  int run() override {
    if (file_.empty()) {
      fmt::print("{}\n", gateway::key_line(id_ == 0 ? 1 : id_));
      return exit_ok;
    }
    const auto added = gateway::add_key(file_, id_);
    if (!added) {
      print_error("key new: " + added.error().detail);
      return exit_failed;
    }
    fmt::print("key {} added to {}\n", *added, file_);
    return exit_ok;
  }

 private:
  std::string file_;      // empty: the key goes to stdout
  std::uint32_t id_ = 0;  // 0: the next one
};

}  // namespace

void add_key(registry& to) {
  to.add<key_command>("key", "make a key that encrypts sensitive values");
}

}  // namespace strata::cli
