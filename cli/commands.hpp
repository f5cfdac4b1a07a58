#pragma once
/// The commands behind the flags: what each is told, and that it returns an exit status.
/// Threads: one.

#include "cli/load.hpp"

#include <strata/outbox.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strata::cli {

/// Opens database, cache and platform and serves until SIGTERM or SIGINT.
int serve(const loaded_config& loaded);

struct import_request {
  std::string file;  ///< "-" is standard input
  bool json = false;
};
/// Writes the records of a file into the database.
int import_records(const loaded_config& loaded, const import_request& what);

/// What `strata db install` is told.
struct outbox_install_request {
  outbox_rule rule;
  bool platform = false;  ///< the platform's own tables instead
  bool json = false;
};
/// Installs the outbox's triggers.
int install_outbox(const loaded_config& loaded, const outbox_install_request& what);

struct outbox_uninstall_request {
  std::string table;
  bool all = false;  ///< every table, and the outbox itself
  bool json = false;
};
int uninstall_outbox(const loaded_config& loaded, const outbox_uninstall_request& what);
int show_outbox(const loaded_config& loaded, bool as_json);

/// A running gateway's admin listener.
struct admin_address {
  std::string url;
  std::string token;
};

/// A key's value, or what is known about it if it may not be shown.
int get_key(const admin_address& admin, const std::string& key, bool json);
int explain_key(const admin_address& admin, const std::string& key, bool json);

struct invalidate_request {
  std::vector<std::string> keys;
  std::vector<std::string> tags;
  std::vector<std::string> prefixes;
  std::vector<std::string> patterns;
  bool soft = false;  ///< expire instead of remove
  bool json = false;
};
int invalidate(const admin_address& admin, const invalidate_request& what);

struct stats_request {
  std::optional<std::string> watch;  ///< how often to ask again
  bool json = false;
};
int show_stats(const admin_address& admin, const stats_request& what);

struct key_request {
  std::string file;      ///< to be added to; empty: the key goes to stdout
  std::uint32_t id = 0;  ///< 0: the next one
};
/// Makes a key for encryption.
int new_key(const key_request& what);

struct trace_bench_request {
  std::string file;
  std::string memory;    ///< "64MiB"; at most one of these two; empty: not given
  std::string capacity;  ///< "441", "1GiB"
  std::string policy;    ///< empty: the default, and for a sweep all
  std::string objective;
  std::string svg;  ///< where a sweep's picture goes; empty: nowhere
  bool ignore_ttl = false;
  bool sweep = false;
  bool json = false;
};
/// What a memory cache of some size would make of the requests in a file.
int bench_trace(const trace_bench_request& what);

/// The completion script of bash, zsh or fish, on stdout.
struct completed_command {
  std::string name;
  std::string help;
  std::vector<std::string> flags;
  std::vector<std::string> subcommands = {};
};
int print_completion(const std::string& shell, const std::vector<completed_command>& commands);

}  // namespace strata::cli
