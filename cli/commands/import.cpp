#include "platform/import.hpp"

#include "cli/command.hpp"
#include "cli/progress.hpp"
#include "gateway/gateway.hpp"
#include "platform/app.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace strata::cli {

namespace {

/// A bad record in the output of --json.
struct reported_problem {
  std::uint64_t line = 0;
  std::string field;
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(reported_problem, (), (line, field, detail))

struct import_report {
  std::uint64_t records = 0, created = 0, updated = 0, unchanged = 0, refused = 0;
  std::vector<reported_problem> problems;
};
BOOST_DESCRIBE_STRUCT(import_report, (), (records, created, updated, unchanged, refused, problems))

int failed(const std::string& what) {
  print_error("import: " + what);
  return exit_failed;
}

std::string problem_line(const std::string& file, const platform::import_problem& problem) {
  const auto field = problem.field.empty() ? std::string() : problem.field + ": ";
  return fmt::format("strata: import: {}:{}: {}{}", file, problem.line, field, problem.detail);
}

int import_from(std::istream& from, std::uint64_t size, const loaded_config& loaded, const std::string& file,
                bool json) {
  auto source = open_database(loaded.values);
  if (!source) return failed(source.error().detail);
  platform::app app({.database = *source, .cache = std::make_shared<cache>()});
  if (auto done = sync_wait(app.migrate()); !done) return failed(done.error().detail);

  const auto name = file == "-" ? std::string("standard input") : file;
  import_report report;
  result<platform::import_counts> done;
  {
    progress_bar bar("importing", size);
    platform::import_options options;
    options.on_problem = [&](const platform::import_problem& each) {
      report.problems.push_back({each.line, each.field, each.detail});
      bar.print(problem_line(name, each));
    };
    options.on_progress = [&](const platform::import_counts& counts) {
      bar.show(counts.bytes, counts.records);
    };
    done = sync_wait(platform::import_stream(from, app.data(), app.passwords(), std::move(options)));
  }
  if (!done) return failed(fmt::format("{}: {}", name, done.error().detail));
  if (from.bad()) return failed(fmt::format("{}: cannot be read to its end", name));

  if (json) {
    report.records = done->records;
    report.created = done->created;
    report.updated = done->updated;
    report.unchanged = done->unchanged;
    report.refused = done->refused;
    fmt::print("{}\n", strata::json::text_of(report));
  } else {
    fmt::print("{} records: {} created, {} updated, {} unchanged, {} refused\n", done->records, done->created,
               done->updated, done->unchanged, done->refused);
  }
  return done->refused == 0 && report.problems.empty() ? exit_ok : exit_failed;
}

int import_file(const std::string& file, const loaded_config& loaded, bool json) {
  if (file == "-") return import_from(std::cin, 0, loaded, file, json);
  std::error_code problem;
  if (std::filesystem::is_directory(file, problem)) return failed(file + " is a folder");
  const auto size = std::filesystem::file_size(file, problem);
  std::ifstream from(file, std::ios::binary);
  if (!from) return failed(fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
  return import_from(from, problem ? 0 : size, loaded, file, json);
}

/// Writes the records of a file into the database.
class import_command final : public command {
 public:
  import_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.add_option("FILE", file_, "JSON Lines of entities, or an MCP registry export; - is standard input")
        ->required();
    config_.add_config_file(flags);
    config_.add_settings(flags, program, is_database_setting);
    add_json_flag(flags, json_);
  }

  int run() override {
    const auto loaded = config_.load(program_);
    return loaded ? import_file(file_, *loaded, json_) : int{exit_wrong_use};
  }

 private:
  const registry& program_;
  config_flags config_;
  std::string file_;
  bool json_ = false;
};

}  // namespace

void add_import(registry& to) {
  to.add<import_command>("import", "write the records of a file into the database");
}

}  // namespace strata::cli
