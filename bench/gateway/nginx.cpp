#include "bench/gateway/nginx.hpp"

#include "bench/gateway/ports.hpp"
#include "bench/gateway/responders.hpp"

#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <cstdlib>

namespace bench {

namespace {

constexpr std::string_view common = R"(
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
)";

constexpr std::string_view files = R"(
  server {{
    listen 127.0.0.1:{1};
    root {0}/root;
    add_header Cache-Control "private, max-age=300";
  }}
}}
)";

constexpr std::string_view cache = R"(
  proxy_cache_path {0}/cache levels=1:2 keys_zone=documents:16m max_size=1g inactive=600s use_temp_path=off;
  server {{
    listen 127.0.0.1:{1};
    location / {{
      proxy_pass http://127.0.0.1:{2};
      proxy_cache documents;
      proxy_cache_valid 200 600s;
      proxy_ignore_headers Cache-Control;
    }}
  }}
}}
)";

}  // namespace

nginx::nginx() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gateway_bench_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::filesystem::create_directories(folder_ / "tmp");
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  port_ = spare_port();
}

void nginx::start(std::string_view configuration, int core) {
  std::ofstream(folder_ / "nginx.conf") << configuration;
  process_ = std::make_unique<process>(
      std::vector<std::string>{"nginx", "-e", (folder_ / "error.log").string(), "-p", folder_.string(), "-c",
                               (folder_ / "nginx.conf").string()},
      core);
  if (!comes_up(port_)) throw std::runtime_error("nginx does not answer; is nginx-light installed?");
}

std::unique_ptr<nginx> nginx::of_files(int core) {
  std::unique_ptr<nginx> made(new nginx);
  std::filesystem::create_directories(made->folder_ / "root/agents");
  for (int i = 0; i < documents; ++i) {
    std::ofstream(made->folder_ / "root/agents" / document_id(i)) << document(i);
  }
  made->start(
      fmt::format(common, made->folder_.string()) + fmt::format(files, made->folder_.string(), made->port_),
      core);
  return made;
}

std::unique_ptr<nginx> nginx::before(int origin, int core) {
  std::unique_ptr<nginx> made(new nginx);
  made->start(fmt::format(common, made->folder_.string()) +
                  fmt::format(cache, made->folder_.string(), made->port_, origin),
              core);
  return made;
}

nginx::~nginx() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bench
