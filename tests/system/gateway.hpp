#pragma once
/// A running gateway with the demo platform, and its clients' requests.
/// Threads: one for the gateway; any for `ask`.

#include "tests/postgres/chosen.hpp"
#include "tests/system/http.hpp"

#include <strata/json.hpp>

#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <map>
#include <memory>

namespace strata::system_test {

inline boost::json::value parsed(const std::string& text) {
  auto value = json::parse(text);
  if (!value) throw std::runtime_error("not JSON: " + value.error().detail + ": " + text.substr(0, 200));
  return *value;
}

/// The string member `name` of the JSON object `text`.
inline std::string text_at(const std::string& text, const char* name) {
  const auto value = parsed(text);
  return std::string(value.at(name).as_string());
}
inline std::int64_t number_at(const std::string& text, const char* name) {
  return parsed(text).at(name).as_int64();
}

struct login {
  std::string email;
  std::string password;
  std::string role;
  std::string organization;
};

/// `strata serve` on free ports, with a database in `folder` or its PostgreSQL counterpart.
class gateway {
 public:
  /// Flags that make a test fast. The test's own flags follow them.
  static std::vector<std::string> flags(const temp_folder& folder) {
    return {"serve",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--database",
            test::chosen_url(folder.file("strata.db")),
            "--auth-password-memory",
            "8MiB",
            "--rate-user",
            "0",
            "--rate-address",
            "0",
            "--rate-login-account",
            "0",
            "--rate-login-address",
            "0",
            "--rate-admin",
            "0"};
  }

  explicit gateway(const temp_folder& folder, const std::vector<std::string>& more = {},
                   const variables& environment = {}) {
    auto arguments = flags(folder);
    const std::string keys_file = folder.file("encryption.keys");
    std::ofstream(keys_file) << "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    ::chmod(keys_file.c_str(), 0600);
    arguments.insert(arguments.end(), {"--encryption-keys-file", keys_file});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto begun = clock::now();
    program_ = std::make_unique<process>(folder, arguments, environment);
    const auto line = program_->wait_for_line("listening on ");
    ready_after_ = clock::now() - begun;
    port_ = port_after(line, "listening on http://127.0.0.1:");
    admin_port_ = port_after(line, "(admin http://127.0.0.1:");
    std::istringstream lines(program_->out());
    for (std::string each; std::getline(lines, each);) {
      if (!each.starts_with("demo login: ")) continue;
      std::istringstream words(each.substr(12));
      login found;
      words >> found.email >> found.password >> found.role >> found.organization;
      logins_.push_back(found);
    }
  }

  std::uint16_t port() const { return port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  std::string admin_url() const { return "http://127.0.0.1:" + std::to_string(admin_port_); }
  process& program() { return *program_; }
  clock::duration ready_after() const { return ready_after_; }

  /// The demo login of `role`. Requires: started with --demo on an empty database.
  const login& as(const std::string& role) const {
    for (const auto& each : logins_) {
      if (each.role == role) return each;
    }
    throw std::runtime_error("no demo login for " + role);
  }

  answer ask(const std::string& method, const std::string& target, field_list fields = {},
             const std::string& body = {}) const {
    if (!body.empty() && !has_type(fields)) fields.emplace_back("Content-Type", "application/json");
    return system_test::ask(port_, method, target, fields, body);
  }
  answer ask_admin(const std::string& method, const std::string& target, const std::string& body = {}) const {
    field_list fields;
    if (!body.empty()) fields.emplace_back("Content-Type", "application/json");
    return system_test::ask(admin_port_, method, target, fields, body);
  }

  /// The request field that carries a session of `who`.
  std::pair<std::string, std::string> session(const login& who) const {
    const auto answered = ask("POST", "/auth/login", {},
                              "{\"email\":\"" + who.email + "\",\"password\":\"" + who.password + "\"}");
    if (answered.status != 200) throw std::runtime_error("login failed: " + answered.body);
    return {"Authorization", "Bearer " + text_at(answered.body, "session")};
  }

  /// Sends SIGTERM and returns the exit status.
  int stop() {
    program_->signal(SIGTERM);
    const int status = program_->wait();
    if (status != 0) std::cerr << program_->err();  // a sanitizer's report, for instance
    return status;
  }

 private:
  static bool has_type(const field_list& fields) {
    for (const auto& each : fields) {
      if (each.first == "Content-Type") return true;
    }
    return false;
  }

  static std::uint16_t port_after(const std::string& line, const std::string& text) {
    const auto at = line.find(text);
    if (at == std::string::npos) throw std::runtime_error("no \"" + text + "\" in: " + line);
    return static_cast<std::uint16_t>(std::stoul(line.substr(at + text.size())));
  }

  std::unique_ptr<process> program_;
  clock::duration ready_after_{};
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
  std::vector<login> logins_;
};

/// The gateway's database as another program opens it: the SQLite file, or its PostgreSQL counterpart.
class other_program {
 public:
  explicit other_program(const std::string& file) : file_(file) {
    if (test::postgres_chosen()) return;
    if (sqlite3_open(file.c_str(), &database_) != SQLITE_OK) throw std::runtime_error("cannot open " + file);
    sqlite3_busy_timeout(database_, 10'000);
  }
  ~other_program() { sqlite3_close(database_); }
  other_program(const other_program&) = delete;
  other_program& operator=(const other_program&) = delete;

  /// Runs `statement`; returns the rows as text, a line each.
  std::string execute(const std::string& statement) const {
    if (database_ == nullptr) {
      return test::shared_postgres().execute(test::postgres_database_of(file_), statement);
    }
    std::string rows;
    char* problem = nullptr;
    const auto add = [](void* to, int count, char** values, char**) {
      auto& text = *static_cast<std::string*>(to);
      for (int i = 0; i < count; ++i)
        text += std::string(i == 0 ? "" : "|") + (values[i] != nullptr ? values[i] : "");
      text += '\n';
      return 0;
    };
    if (sqlite3_exec(database_, statement.c_str(), add, &rows, &problem) != SQLITE_OK) {
      const std::string why = problem;
      sqlite3_free(problem);
      throw std::runtime_error(statement + ": " + why);
    }
    return rows;
  }

  /// All rows of all tables. Two images are equal if no write happened in between.
  std::string image() const {
    std::string all;
    std::istringstream tables(
        execute(database_ == nullptr
                    ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
                    : "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"));
    for (std::string table; std::getline(tables, table);)
      all += table + ":\n" + execute("SELECT * FROM " + table);
    return all;
  }

 private:
  std::string file_;
  sqlite3* database_ = nullptr;
};

}  // namespace strata::system_test
