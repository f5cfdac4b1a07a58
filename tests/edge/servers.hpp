#pragma once
/// Varnish and nginx as docs/guide/edge_varnish.md and edge_nginx.md configure them, on spare ports.
/// Threads: one.

#include "tests/contract/temporary_folder.hpp"
#include "tests/redis/child.hpp"

#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace strata::test {

/// The block of `language` of the guide's page `name`.
inline std::string block_of(const std::string& page, const std::string& language) {
  std::ostringstream text;
  text << std::ifstream(page).rdbuf();
  const auto mark = "```" + language + "\n";
  const auto begin = text.str().find(mark);
  if (begin == std::string::npos) throw std::runtime_error(page + " has no block of " + language);
  const auto start = begin + mark.size();
  return text.str().substr(start, text.str().find("```", start) - start);
}

/// Replaces `from`, which must be there.
inline void replace(std::string& in, const std::string& from, const std::string& to) {
  if (!in.contains(from)) throw std::runtime_error("the page of the guide lacks " + from);
  for (auto at = in.find(from); at != std::string::npos; at = in.find(from, at + to.size())) {
    in.replace(at, from.size(), to);
  }
}

inline bool is_listening(std::uint16_t port) {
  const descriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto at = loopback(port);
  return ::connect(probe.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
}

class varnish_server {
 public:
  varnish_server(const std::string& guide, std::uint16_t port, std::uint16_t one, std::uint16_t two)
      : port_(port) {
    auto vcl = block_of(guide + "/edge_varnish.md", "vcl");
    replace(vcl, "\"8080\"", '"' + std::to_string(one) + '"');
    replace(vcl, "\"8081\"", '"' + std::to_string(two) + '"');
    std::ofstream(folder_.file("default.vcl")) << vcl;
    // Started as root, its child has another user.
    std::filesystem::permissions(folder_.file("."), std::filesystem::perms::all);
    process_.emplace(std::vector<std::string>{"varnishd", "-F", "-f", folder_.file("default.vcl"), "-n",
                                              folder_.file("work"), "-a", "127.0.0.1:" + std::to_string(port),
                                              "-s", "malloc,32m", "-T", "none"},
                     folder_.file("."), folder_.file("log"));
    if (!eventually([&] { return is_listening(port_); })) throw std::runtime_error("varnishd does not start");
  }
  ~varnish_server() {
    if (process_) process_->end(SIGTERM);  // it ends its own child
  }
  std::uint16_t port() const { return port_; }

 private:
  temporary_folder folder_;
  std::uint16_t port_;
  std::optional<child> process_;
};

class nginx_server {
 public:
  nginx_server(const std::string& guide, std::uint16_t port, std::uint16_t epoch_port, std::uint16_t one,
               std::uint16_t two)
      : port_(port) {
    auto text = block_of(guide + "/edge_nginx.md", "nginx");
    const auto at = [](std::uint16_t where) { return "127.0.0.1:" + std::to_string(where); };
    replace(text, "127.0.0.1:8080", at(one));
    replace(text, "127.0.0.1:8081", at(two));
    replace(text, "127.0.0.1:8000", at(port));
    replace(text, "127.0.0.1:8082", at(epoch_port));
    replace(text, "/run/nginx.pid", folder_.file("pid"));
    replace(text, "/var/cache/nginx/strata", folder_.file("cache"));
    replace(text, "/var/lib/strata", folder_.file("epoch"));
    // Where a user who is not root may write.
    std::string spare = "http {\n";
    for (const auto* each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      spare += std::string("  ") + each + "_temp_path " + folder_.file(each) + ";\n";
    }
    replace(text, "http {\n", spare);
    std::ofstream(folder_.file("nginx.conf")) << text;
    std::filesystem::create_directory(folder_.file("epoch"));
    // Started as root, its workers have another user.
    std::filesystem::permissions(folder_.file("."), std::filesystem::perms::all);
    std::filesystem::permissions(folder_.file("epoch"), std::filesystem::perms::all);
    process_.emplace(std::vector<std::string>{"nginx", "-c", folder_.file("nginx.conf"), "-e",
                                              folder_.file("error.log"), "-g", "daemon off;"},
                     folder_.file("."), folder_.file("log"));
    if (!eventually([&] { return is_listening(port_); })) throw std::runtime_error("nginx does not start");
  }
  ~nginx_server() {
    if (process_) process_->end(SIGTERM);
  }
  std::uint16_t port() const { return port_; }

 private:
  temporary_folder folder_;
  std::uint16_t port_;
  std::optional<child> process_;
};

}  // namespace strata::test
