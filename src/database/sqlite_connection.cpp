#include "database/sqlite_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "core/text.hpp"
#include "database/parameters.hpp"

namespace strata::detail {

namespace {

errc kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return errc::constraint;
    case SQLITE_BUSY:
      return errc::timeout;  // the busy timeout has passed
    case SQLITE_LOCKED:
      return errc::busy;
    case SQLITE_TOOBIG:
      return errc::too_large;
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_SCHEMA:
      return errc::statement;
    default:  // FULL, IOERR, CANTOPEN, CORRUPT, NOTADB, READONLY, NOMEM, …
      return errc::database_unavailable;
  }
}

/// The n of "$n", or 0.
std::size_t parameter_number(const char* name) {
  if (name == nullptr || name[0] != '$') return 0;
  const std::string_view digits(name + 1);
  std::size_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
  return whole && digits.front() != '0' ? number : 0;
}

sql_value column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_NULL:
      return {};
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, index)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, index);
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, index));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
      return bytes == nullptr ? std::string() : std::string(bytes, size);
    }
  }
}

/// Creates the file before SQLite would, so that only its owner can read what the database holds.
/// SQLite gives its -wal and -shm files the same mode.
void create_private(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) ::close(descriptor);  // if not: it exists, or SQLite will say why
}

}  // namespace

sqlite_connection::prepared::prepared(prepared&& other) noexcept
    : text(std::move(other.text)),
      handle(std::exchange(other.handle, nullptr)),
      bound(std::move(other.bound)),
      parameters(other.parameters) {
}

sqlite_connection::prepared::~prepared() {
  sqlite3_finalize(handle);
}

sqlite_connection::sqlite_connection(sqlite3* handle, role as) : handle_(handle), role_(as) {
}

sqlite_connection::~sqlite_connection() {
  by_text_.clear();
  statements_.clear();
  own_.clear();
  sqlite3_close(handle_);
}

result<std::unique_ptr<sqlite_connection>> sqlite_connection::open(const sqlite_options& options, role as) {
  if (as == role::writer) create_private(options.file);
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (as == role::writer ? SQLITE_OPEN_CREATE : 0);
  const int opened = sqlite3_open_v2(options.file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<sqlite_connection> made(new sqlite_connection(handle, as));
  if (opened != SQLITE_OK) {
    return fail(errc::database_unavailable,
                fmt::format("cannot open {}: {}", options.file,
                            handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(opened)));
  }
  if (auto ready = made->configure(options); !ready) {
    return fail(errc::database_unavailable,
                fmt::format("cannot open {}: {}", options.file, ready.error().detail));
  }
  return made;
}

result<void> sqlite_connection::configure(const sqlite_options& options) {
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(options.busy_timeout).count();
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_,
                       static_cast<int>(std::min<std::int64_t>(patience, std::numeric_limits<int>::max())));
  // A misspelt "column" must be an error, not a string; schemas of foreign files are not trusted.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (role_ == role::writer) {
    if (auto wal = enter_wal(options.busy_timeout); !wal) return wal;
  }
  for (const char* setting : {"PRAGMA foreign_keys = ON", "PRAGMA synchronous = NORMAL",
                              role_ == role::reader ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF"}) {
    if (auto set = internal(setting); !set) return std::unexpected(std::move(set.error()));
  }
  // Reads the file's first page: what is no database is found here, not at the first query.
  if (auto read = internal("SELECT count(*) FROM sqlite_master"); !read) {
    return std::unexpected(std::move(read.error()));
  }
  sqlite3_set_authorizer(handle_, &authorize, this);
  return {};
}

result<void> sqlite_connection::enter_wal(duration patience) {
  // Two programs that create the file at once collide here, where SQLite's busy timeout does not
  // apply; try again for as long.
  constexpr auto pause = std::chrono::milliseconds(5);
  for (duration waited{};; waited += pause) {
    auto mode = internal("PRAGMA journal_mode = WAL");
    if (!mode && mode.error().code == errc::timeout && waited < patience) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    if (!mode) return std::unexpected(std::move(mode.error()));
    if (mode->row(0).at(0) == sql_value("wal")) return {};
    return fail(errc::database_unavailable, "its file system does not support write-ahead logging");
  }
}

int sqlite_connection::authorize(void* self, int action, const char*, const char*, const char*, const char*) {
  const auto& connection = *static_cast<const sqlite_connection*>(self);
  if (connection.trusted_) return SQLITE_OK;
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
      return SQLITE_DENY;
    default:
      return connection.role_ == role::writer ? SQLITE_OK : SQLITE_DENY;
  }
}

std::unexpected<error> sqlite_connection::failure(int code, std::string_view text) const {
  std::string reason = sqlite3_errmsg(handle_);
  if ((code & 0xff) == SQLITE_AUTH) {
    reason = role_ == role::reader ? "query takes reading statements only"
                                   : "transactions, ATTACH and PRAGMA are not statements to run here";
  }
  if (kind_of(code) == errc::database_unavailable) {
    // The operator needs to know which file, and what the system said of it.
    const char* file = sqlite3_db_filename(handle_, "main");
    reason += fmt::format(", file {}", file == nullptr ? "?" : file);
    if (const int system = sqlite3_system_errno(handle_); system != 0) {
      reason += ": " + std::generic_category().message(system);
    }
  }
  return fail(kind_of(code), fmt::format("{} (in: {})", reason, shortened(text)));
}

result<sqlite_connection::prepared> sqlite_connection::prepare(std::string_view text, bool keep,
                                                               std::string_view* rest) {
  prepared made;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()),
                                      keep ? SQLITE_PREPARE_PERSISTENT : 0, &made.handle, &tail);
  if (code != SQLITE_OK) return failure(code, text);
  *rest = text.substr(static_cast<std::size_t>(tail - text.data()));
  const int count = made.handle != nullptr ? sqlite3_bind_parameter_count(made.handle) : 0;
  for (int i = 1; i <= count; ++i) {
    const char* name = sqlite3_bind_parameter_name(made.handle, i);
    const auto number = parameter_number(name);
    if (number == 0) {
      return fail(errc::statement, fmt::format("parameters are $1, $2, …, not {} (in: {})",
                                               name != nullptr ? name : "?", shortened(text)));
    }
    made.bound.push_back(number - 1);
    made.parameters = std::max(made.parameters, number);
  }
  made.text = text;
  return made;
}

result<sqlite_connection::prepared*> sqlite_connection::statement(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    statements_.splice(statements_.begin(), statements_, found->second);
    return &statements_.front();
  }
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(errc::too_large, "a statement of more than 2 GiB");
  }
  std::string_view rest;
  auto made = prepare(text, true, &rest);
  if (!made) return std::unexpected(std::move(made.error()));
  if (made->handle == nullptr) return fail(errc::statement, "the statement is empty");
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    return fail(errc::statement, fmt::format("one statement at a time (in: {})", shortened(text)));
  }
  if (role_ == role::reader && sqlite3_stmt_readonly(made->handle) == 0) {
    return fail(errc::statement,
                fmt::format("query takes reading statements only (in: {})", shortened(text)));
  }
  if (statements_.size() >= kept_statements) {
    by_text_.erase(statements_.back().text);
    statements_.pop_back();
  }
  statements_.push_front(std::move(*made));
  by_text_.emplace(statements_.front().text, statements_.begin());
  return &statements_.front();
}

result<void> sqlite_connection::bind(prepared& to, const sql_parameters& parameters) {
  if (parameters.size() != to.parameters) {
    return fail(errc::statement, fmt::format("{} parameters were given, {} are needed (in: {})",
                                             parameters.size(), to.parameters, shortened(to.text)));
  }
  if (auto checked = check_parameters(parameters); !checked) {
    checked.error().detail += fmt::format(" (in: {})", shortened(to.text));
    return checked;
  }
  for (std::size_t i = 0; i < to.bound.size(); ++i) {
    const auto& value = parameters[to.bound[i]];
    const int at = static_cast<int>(i) + 1;
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(to.handle, at, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(to.handle, at, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      // Not copied: it stands until the statement has run.
      code = sqlite3_bind_text64(to.handle, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    } else {
      code = sqlite3_bind_null(to.handle, at);
    }
    if (code != SQLITE_OK) return failure(code, to.text);
  }
  return {};
}

result<sql_rows> sqlite_connection::step(prepared& what) {
  const auto changed_before = sqlite3_total_changes64(handle_);
  std::vector<std::vector<sql_value>> rows;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(what.handle)) == SQLITE_ROW) {
    auto& row = rows.emplace_back();
    const int count = sqlite3_column_count(what.handle);
    row.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) row.push_back(column(what.handle, i));
  }
  if (code != SQLITE_DONE) return failure(code, what.text);
  std::vector<std::string> columns;
  for (int i = 0, count = sqlite3_column_count(what.handle); i < count; ++i) {
    columns.emplace_back(sqlite3_column_name(what.handle, i));
  }
  // A statement that changes no rows, e.g. CREATE TABLE, leaves the previous one's count behind.
  const bool counted = sqlite3_total_changes64(handle_) != changed_before;
  return sql_rows(std::move(columns), std::move(rows), counted ? sqlite3_changes64(handle_) : 0);
}

result<sql_rows> sqlite_connection::run(prepared& what, const sql_parameters& parameters) {
  struct resetting {
    sqlite3_stmt* handle;
    ~resetting() {
      sqlite3_reset(handle);
      sqlite3_clear_bindings(handle);
    }
  } const after(what.handle);
  if (auto bound = bind(what, parameters); !bound) return std::unexpected(std::move(bound.error()));
  return step(what);
}

result<sql_rows> sqlite_connection::run(std::string_view text, const sql_parameters& parameters) {
  auto found = statement(text);
  if (!found) return std::unexpected(std::move(found.error()));
  return run(**found, parameters);
}

result<sql_rows> sqlite_connection::read(std::string_view text, const sql_parameters& parameters) {
  auto found = statement(text);
  if (!found) return std::unexpected(std::move(found.error()));
  if (sqlite3_stmt_readonly((*found)->handle) == 0) {
    return fail(errc::statement, fmt::format("reading statements only (in: {})", shortened(text)));
  }
  return run(**found, parameters);
}

result<sql_rows> sqlite_connection::internal(const char* text) {
  const trusting ours(*this);
  auto found = own_.find(text);
  if (found == own_.end()) {
    std::string_view rest;
    auto made = prepare(text, true, &rest);
    if (!made) return std::unexpected(std::move(made.error()));
    found = own_.emplace(text, std::move(*made)).first;
  }
  return run(found->second, {});
}

result<void> sqlite_connection::run_script(std::string_view script) {
  if (script.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(errc::too_large, "a script of more than 2 GiB");
  }
  while (!script.empty()) {
    std::string_view rest;
    auto next = prepare(script, false, &rest);
    if (!next) return std::unexpected(std::move(next.error()));
    next->text = script.substr(0, script.size() - rest.size());
    script = rest;
    if (next->handle == nullptr) continue;  // a comment or blank
    if (auto done = run(*next, {}); !done) return std::unexpected(std::move(done.error()));
  }
  return {};
}

result<void> sqlite_connection::begin() {
  auto begun = internal("BEGIN IMMEDIATE");
  if (!begun) return std::unexpected(std::move(begun.error()));
  return {};
}

result<void> sqlite_connection::commit() {
  auto done = internal("COMMIT");
  if (done) return {};
  rollback();
  return std::unexpected(std::move(done.error()));
}

void sqlite_connection::rollback() {
  // SQLite itself rolls back after some errors (a full disk); a failed ROLLBACK leaves no more to do.
  if (sqlite3_get_autocommit(handle_) == 0) static_cast<void>(internal("ROLLBACK"));
}

result<std::uint64_t> sqlite_connection::data_version() {
  auto read = internal("PRAGMA data_version");
  if (!read) return std::unexpected(std::move(read.error()));
  return static_cast<std::uint64_t>(std::get<std::int64_t>(read->row(0).at(0)));
}

}  // namespace strata::detail
