#include "platform/import.hpp"

#include "cli/commands.hpp"
#include "cli/program.hpp"
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
  fmt::print(stderr, "strata: import: {}\n", what);
  return exit_failed;
}

std::string problem_line(const std::string& file, const platform::import_problem& problem) {
  const auto field = problem.field.empty() ? std::string() : problem.field + ": ";
  return fmt::format("strata: import: {}:{}: {}{}", file, problem.line, field, problem.detail);
}

int import_from(std::istream& from, std::uint64_t size, const loaded_config& loaded,
                const import_request& what) {
  auto source = open_database(loaded.values);
  if (!source) return failed(source.error().detail);
  platform::app app({.database = *source, .cache = std::make_shared<cache>()});
  if (auto done = sync_wait(app.migrate()); !done) return failed(done.error().detail);

  const auto name = what.file == "-" ? std::string("standard input") : what.file;
  import_report report;
  result<platform::import_counts> done;
  {
    progress_bar bar("importing", size);
    platform::import_options options;
    options.on_problem = [&](const platform::import_problem& each) {
      report.problems.push_back({each.line, each.field, each.detail});
      bar.tell(problem_line(name, each));
    };
    options.on_progress = [&](const platform::import_counts& counts) {
      bar.show(counts.bytes, counts.records);
    };
    done = sync_wait(platform::import_stream(from, app.data(), app.passwords(), std::move(options)));
  }
  if (!done) return failed(fmt::format("{}: {}", name, done.error().detail));
  if (from.bad()) return failed(fmt::format("{}: cannot be read to its end", name));

  if (what.json) {
    report.records = done->records;
    report.created = done->created;
    report.updated = done->updated;
    report.unchanged = done->unchanged;
    report.refused = done->refused;
    fmt::print("{}\n", json::text_of(report));
  } else {
    fmt::print("{} records: {} created, {} updated, {} unchanged, {} refused\n", done->records, done->created,
               done->updated, done->unchanged, done->refused);
  }
  return done->refused == 0 && report.problems.empty() ? exit_ok : exit_failed;
}

}  // namespace

int import_records(const loaded_config& loaded, const import_request& what) {
  if (what.file == "-") return import_from(std::cin, 0, loaded, what);
  std::error_code problem;
  if (std::filesystem::is_directory(what.file, problem)) return failed(what.file + " is a folder");
  const auto size = std::filesystem::file_size(what.file, problem);
  std::ifstream from(what.file, std::ios::binary);
  if (!from) return failed(fmt::format("{} cannot be read: {}", what.file, std::strerror(errno)));
  return import_from(from, problem ? 0 : size, loaded, what);
}

}  // namespace strata::cli
