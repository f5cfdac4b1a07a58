#pragma once
/// A real redis-server for a test, on spare ports of the loopback and in a folder of its own. It persists
/// nothing unless its setup says so. The test ends it by its pid. Threads: each object by one.
///
///   redis_server server;                                    // or {.config = {"maxmemory", "10mb"}}
///   server.call({"SET", "a", "1"});                         // over a connection of the test's own
///   server.kill();  server.start();                         // kill -9, and again on the same port
///   server.pause(); server.resume();                        // SIGSTOP, SIGCONT

#include "resp/command.hpp"
#include "resp/parser.hpp"
#include "resp/value.hpp"
#include "tests/contract/temporary_folder.hpp"
#include "tests/redis/child.hpp"

#include <netinet/tcp.h>

#include <fstream>
#include <initializer_list>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

namespace strata::test {

/// A blocking connection that speaks RESP, for commands that a test sends beside the code it tests.
class plain_connection {
 public:
  explicit plain_connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto at = loopback(port);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int yes = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
      throw std::runtime_error("no server listens on port " + std::to_string(port));
    }
  }

  /// Sends a command and returns the next reply or push. Throws when the connection ends.
  resp::value call(const std::vector<std::string>& words) {
    resp::command made(words.front());
    for (std::size_t i = 1; i < words.size(); ++i) made.arg(words[i]);
    const auto& bytes = made.bytes();
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("the connection is gone");
    }
    return receive();
  }

  /// Waits for the next reply or push.
  resp::value receive() {
    for (;;) {
      resp::value got;
      std::string_view rest = buffer_;
      const auto how = parser_.next(rest, got);
      buffer_.erase(0, buffer_.size() - rest.size());
      if (how == resp::parse_status::complete) return got;
      if (how == resp::parse_status::refused)
        throw std::runtime_error("not RESP: " + std::string(parser_.why()));
      char piece[16384];
      const auto size = ::recv(socket_.get(), piece, sizeof piece, 0);
      if (size <= 0) throw std::runtime_error("the connection is gone");
      buffer_.append(piece, static_cast<std::size_t>(size));
    }
  }

 private:
  descriptor socket_;
  std::string buffer_;
  resp::parser parser_;
};

/// New certificates for a TLS server and its clients: an authority, and two that it has signed.
struct certificates {
  std::string ca, server, server_key, client, client_key;
  std::string other_ca;  ///< has signed none of these
};

/// The server's certificate is for `name`. Requires: `folder` outlives the use of the files.
inline certificates make_certificates(const temporary_folder& folder,
                                      const std::string& name = "IP:127.0.0.1,DNS:localhost") {
  const auto openssl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    run_to_end(std::move(words), folder.file("."), folder.file("openssl.log"));
  };
  const auto authority = [&](const std::string& as) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=" + as, "-keyout", folder.file(as + ".key"), "-out",
             folder.file(as + ".pem")});
  };
  const auto sign = [&](const std::string& as, const std::string& whose) {
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=" + as, "-keyout", folder.file(as + ".key"), "-out", folder.file(as + ".csr")});
    std::ofstream(folder.file(as + ".ext")) << "subjectAltName=" << whose << '\n';
    openssl({"x509", "-req", "-in", folder.file(as + ".csr"), "-CA", folder.file("ca.pem"), "-CAkey",
             folder.file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", folder.file(as + ".ext"),
             "-out", folder.file(as + ".pem")});
  };
  authority("ca");
  authority("other");
  sign("server", name);
  sign("client", "DNS:client");
  return {.ca = folder.file("ca.pem"),
          .server = folder.file("server.pem"),
          .server_key = folder.file("server.key"),
          .client = folder.file("client.pem"),
          .client_key = folder.file("client.key"),
          .other_ca = folder.file("other.pem")};
}

struct server_setup {
  std::vector<std::string> config;  ///< words as on the command line: {"--maxmemory", "10mb"}
  bool tls = false;                 ///< a TLS port beside the plain one
  bool tls_client_certificate = false;
  std::string certificate_for = "IP:127.0.0.1,DNS:localhost";
  std::optional<test::certificates> shared_certificates;  ///< none: the server gets its own
};

class redis_server {
 public:
  explicit redis_server(server_setup with = {}) : with_(std::move(with)) {
    certificates_ = with_.shared_certificates;
    if (with_.tls && !certificates_) certificates_ = make_certificates(folder_, with_.certificate_for);
    start();
  }
  ~redis_server() = default;
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;

  /// Starts it on the ports that it had before, and waits until it answers.
  /// Requires: not running.
  void start() {
    for (int tries = 0;; ++tries) {
      const bool first = port_ == 0;
      if (first) port_ = spare_port();
      if (first && with_.tls) tls_port_ = spare_port();
      process_.emplace(words(), folder_.file("."), log_file());
      const bool ready = eventually([&] { return process_->has_ended() || answers(); });
      if (ready && !process_->has_ended()) return;
      if (!first || tries == 5) throw std::runtime_error("redis-server does not start: " + log());
      port_ = 0;  // another process took it
    }
  }

  void kill() { process_->end(SIGKILL); }
  /// Sends SIGTERM, as a service manager does, and waits for the end.
  void stop() { process_->end(SIGTERM); }
  void pause() { process_->signal(SIGSTOP); }
  void resume() { process_->signal(SIGCONT); }

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  std::string unix_socket() const { return folder_.file("redis.sock"); }
  pid_t pid() const { return process_->pid(); }
  const test::certificates& certificates() const { return *certificates_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  std::string file(const std::string& name) const { return folder_.file(name); }

  /// Runs a command over a fresh connection: RESP2 unless it says HELLO 3.
  resp::value call(const std::vector<std::string>& words) const {
    return plain_connection(port_).call(words);
  }

  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(log_file()).rdbuf();
    return text.str();
  }

 private:
  std::string log_file() const { return folder_.file("redis.log"); }

  std::vector<std::string> words() const {
    const auto port = std::to_string(port_);
    std::vector<std::string> words{"redis-server", "--port", port,           "--bind",     "127.0.0.1",
                                   "--dir",        ".",      "--unixsocket", unix_socket()};
    const auto more = [&](std::initializer_list<std::string> given) { words.insert(words.end(), given); };
    more({"--save", "", "--appendonly", "no", "--protected-mode", "no"});
    if (with_.tls) {
      more({"--tls-port", std::to_string(tls_port_), "--tls-ca-cert-file", certificates_->ca,
            "--tls-cert-file", certificates_->server, "--tls-key-file", certificates_->server_key,
            "--tls-auth-clients", with_.tls_client_certificate ? "yes" : "no"});
    }
    words.insert(words.end(), with_.config.begin(), with_.config.end());
    return words;
  }

  bool answers() const {
    try {
      const auto got = plain_connection(port_).call({"PING"});
      return !got.is_error() || got.error().code == "NOAUTH" || got.error().code == "NOPERM";
    } catch (const std::exception&) {
      return false;
    }
  }

  server_setup with_;
  temporary_folder folder_;
  std::optional<test::certificates> certificates_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::optional<child> process_;
};

/// One server for all tests of a process that leave it running and configured as it is. Each call empties it.
inline const redis_server& shared_redis() {
  static const redis_server instance;
  if (!instance.call({"FLUSHALL"}).is_ok()) throw std::runtime_error("the shared server cannot be emptied");
  return instance;
}

}  // namespace strata::test
