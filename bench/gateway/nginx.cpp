#include "bench/gateway/nginx.hpp"

#include "bench/gateway/responders.hpp"

#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

/// A port that was free a moment ago; nginx cannot pick one itself.
int spare_port() {
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

bool answers(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(socket);
  return connected;
}

constexpr std::string_view configuration = R"(
daemon off;
master_process off;
pid {0}/pid;
error_log {0}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=20000 inactive=600s;
  open_file_cache_valid 600s;
  default_type application/json;
  client_body_temp_path {0}/tmp;
  proxy_temp_path {0}/tmp;
  fastcgi_temp_path {0}/tmp;
  uwsgi_temp_path {0}/tmp;
  scgi_temp_path {0}/tmp;
  server {{
    listen 127.0.0.1:{1};
    root {0}/root;
    add_header Cache-Control "private, max-age=300";
  }}
}}
)";

}  // namespace

nginx::nginx(int core) {
  std::string pattern = (std::filesystem::temp_directory_path() / "gateway_bench_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::filesystem::create_directories(folder_ / "root/agents");
  std::filesystem::create_directories(folder_ / "tmp");
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  for (int i = 0; i < documents; ++i) {
    std::ofstream(folder_ / "root/agents" / document_id(i)) << document(i);
  }
  port_ = spare_port();
  std::ofstream(folder_ / "nginx.conf") << fmt::format(configuration, folder_.string(), port_);
  process_ = std::make_unique<process>(
      std::vector<std::string>{"nginx", "-e", (folder_ / "error.log").string(), "-p", folder_.string(), "-c",
                               (folder_ / "nginx.conf").string()},
      core);
  for (int tries = 0; tries < 100 && !answers(port_); ++tries) ::usleep(50'000);
  if (!answers(port_)) throw std::runtime_error("nginx does not answer; is nginx-light installed?");
}

nginx::~nginx() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bench
