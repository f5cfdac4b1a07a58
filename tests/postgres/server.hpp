#pragma once
/// Debian's PostgreSQL 15 for tests, in a temporary folder and on a spare port of the loopback. It ends with
/// the process that started it. Threads: one.

#include "tests/contract/temporary_folder.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::test {

class postgres_server {
 public:
  using settings = std::vector<std::pair<std::string, std::string>>;
  using variables = std::vector<std::pair<std::string, std::string>>;

  /// The superuser, and its password as it is and as it stands in a URL.
  static constexpr const char* user = "strata";
  static constexpr const char* password = "a long secret";
  static constexpr const char* url_password = "a%20long%20secret";

  /// Creates a database cluster and starts it. The settings `more` follow those that make it fast.
  explicit postgres_server(settings more = {}, variables environment = {})
      : more_(std::move(more)), environment_(std::move(environment)) {
    using std::filesystem::perms;
    constexpr auto readable = perms::owner_read | perms::group_read | perms::others_read;
    std::filesystem::permissions(folder_.file(""),
                                 perms::owner_all | readable | perms::group_exec | perms::others_exec);
    give(folder_.file(""));
    std::ofstream(folder_.file("password")) << password << '\n';
    std::filesystem::permissions(folder_.file("password"), perms::owner_write | readable);
    run({program("initdb"), "-D", folder_.file("data"), "-U", user, "-A", "scram-sha-256", "--pwfile",
         folder_.file("password"), "--no-sync", "-E", "UTF8", "--locale=C"});
    start();
  }
  ~postgres_server() { end(SIGQUIT); }
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  /// Changes the owner of `file` to the user that runs the servers.
  static void give(const std::string& file) {
    const auto* them = unprivileged();
    if (them != nullptr && ::chown(file.c_str(), them->pw_uid, them->pw_gid) != 0) {
      throw std::runtime_error("cannot give " + file + " to " + them->pw_name);
    }
  }

  std::uint16_t port() const { return port_; }
  std::string file(const std::string& name) const { return folder_.file(name); }

  /// A URL with the password in it.
  std::string url(const std::string& database = "postgres") const {
    return "postgres://" + std::string(user) + ':' + url_password + "@127.0.0.1:" + std::to_string(port_) +
           '/' + database + "?sslmode=disable";
  }

  /// A new, empty database; returns its name.
  std::string create_database() {
    auto name = "test_" + std::to_string(++databases_);
    execute("postgres", "CREATE DATABASE " + name + " TEMPLATE template0");
    return name;
  }

  /// Runs `statements` over a connection of its own. Returns the rows of the last one as text, a line each.
  std::string execute(const std::string& database, const std::string& statements) const {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> to(PQconnectdb(url(database).c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> got(PQexec(to.get(), statements.c_str()), &PQclear);
    const auto status = PQresultStatus(got.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      throw std::runtime_error(statements + ": " + PQerrorMessage(to.get()));
    }
    std::string rows;
    for (int y = 0; y < PQntuples(got.get()); ++y) {
      for (int x = 0; x < PQnfields(got.get()); ++x) {
        rows += std::string(x == 0 ? "" : "|") + PQgetvalue(got.get(), y, x);
      }
      rows += '\n';
    }
    return rows;
  }

  /// Ends it as a crash does, and starts it again on the same port.
  void restart_immediately() {
    end(SIGQUIT);
    start();
  }
  /// As `pg_ctl restart -m fast` does.
  void restart_cleanly() {
    end(SIGINT);
    start();
  }
  void stop_immediately() { end(SIGQUIT); }
  void start_again() { start(); }

  /// Suspends the server and all its sessions, like a hanging machine.
  void pause() const {
    // The postmaster comes first, so that no session begins. A session from just before may not be its child
    // yet.
    for (std::size_t seen = 0, now = family().size(); seen != now; now = family().size()) {
      seen = now;
      for (const auto each : family()) ::kill(each, SIGSTOP);
    }
  }
  void resume() const {
    for (const auto each : family()) ::kill(each, SIGCONT);
  }

 private:
  /// Where the cluster is: in memory where there is room for it, so that no test waits for a busy disk.
  static std::filesystem::path home() {
    const std::filesystem::path memory = "/dev/shm";
    constexpr std::uintmax_t enough = 4ULL << 30;
    std::error_code failed;
    const auto room = std::filesystem::space(memory, failed);
    return !failed && room.available >= enough ? memory : std::filesystem::temp_directory_path();
  }

  static std::string program(const char* name) {
    auto path = "/usr/lib/postgresql/15/bin/" + std::string(name);
    if (!std::filesystem::exists(path)) {
      throw std::runtime_error(path + " is not there; ./dev test installs postgresql-15");
    }
    return path;
  }

  /// The user that the server runs as, since it refuses root. Null: the test's own user.
  static const passwd* unprivileged() {
    if (::geteuid() != 0) return nullptr;
    for (const char* name : {"postgres", "nobody"}) {
      if (const auto* found = ::getpwnam(name)) return found;
    }
    throw std::runtime_error("PostgreSQL needs a user other than root");
  }

  pid_t spawn(const std::vector<std::string>& command) const {
    const auto* them = unprivileged();
    const auto log = folder_.file("log");
    std::vector<char*> words;
    for (const auto& each : command) words.push_back(const_cast<char*>(each.c_str()));
    words.push_back(nullptr);
    const auto child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child != 0) return child;
    if (them != nullptr && (::setgid(them->pw_gid) != 0 || ::setuid(them->pw_uid) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir("/") != 0) ::_exit(126);
    for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
    ::execv(words[0], words.data());
    ::_exit(127);
  }

  void run(const std::vector<std::string>& command) const {
    int status = 0;
    ::waitpid(spawn(command), &status, 0);
    if (status != 0) throw std::runtime_error(command[0] + " failed: " + log());
  }

  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(folder_.file("log")).rdbuf();
    return text.str();
  }

  static std::uint16_t spare_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(socket, reinterpret_cast<const sockaddr*>(&at), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
    ::close(socket);
    return ntohs(at.sin_port);
  }

  void start() {
    for (int tries = 0; tries < 5; ++tries) {
      if (const auto port = port_ == 0 ? spare_port() : port_; start_on(port)) {
        port_ = port;
        return;
      }
    }
    throw std::runtime_error("PostgreSQL does not start: " + log());
  }

  bool start_on(std::uint16_t port) {
    std::vector<std::string> command{program("postgres"), "-D", folder_.file("data"), "-k",
                                     folder_.file(""),    "-p", std::to_string(port)};
    settings all{{"listen_addresses", "127.0.0.1"}, {"fsync", "off"},
                 {"full_page_writes", "off"},       {"autovacuum", "off"},
                 {"shared_buffers", "32MB"},        {"max_connections", "60"},
                 {"deadlock_timeout", "100ms"},     {"lc_messages", "C"}};
    all.insert(all.end(), more_.begin(), more_.end());
    for (const auto& [name, value] : all) command.insert(command.end(), {"-c", name + '=' + value});
    pid_ = spawn(command);
    const auto probe = "host=127.0.0.1 port=" + std::to_string(port);
    for (int tries = 0; tries < 3000; ++tries) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      if (PQping(probe.c_str()) == PQPING_OK) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    end(SIGKILL);
    return false;
  }

  void end(int signal) {
    if (pid_ <= 0) return;
    resume();
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// The server's process and its children.
  std::vector<pid_t> family() const {
    std::vector<pid_t> found{pid_};
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
      const auto name = each.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::string text;
      std::getline(std::ifstream(each.path() / "stat"), text);
      std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
      char state = 0;
      pid_t parent = 0;
      if (fields >> state >> parent && parent == pid_) found.push_back(std::stoi(name));
    }
    return found;
  }

  temporary_folder folder_{home()};
  settings more_;
  variables environment_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  int databases_ = 0;
};

/// One server for all tests of a process; each test creates a database.
inline postgres_server& shared_postgres() {
  static postgres_server instance;
  return instance;
}

}  // namespace strata::test
