#include "bench/gateway/varnish.hpp"

#include "bench/gateway/ports.hpp"

#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <cstdlib>

namespace bench {

namespace {

constexpr std::string_view configuration = R"(vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{}"; }}
sub vcl_backend_response {{
  set beresp.ttl = 600s;
  return (deliver);
}}
)";

}  // namespace

varnish::varnish(int origin, int core) : port_(spare_port()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "gateway_bench_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  std::ofstream(folder_ / "bench.vcl") << fmt::format(configuration, origin);
  process_ = std::make_unique<process>(
      std::vector<std::string>{"varnishd", "-F", "-n", (folder_ / "state").string(), "-f",
                               (folder_ / "bench.vcl").string(), "-a", fmt::format("127.0.0.1:{}", port_),
                               "-T", "none", "-s", "malloc,256m", "-j", "none"},
      core);
  if (!comes_up(port_)) throw std::runtime_error("varnishd does not answer; is varnish installed?");
  const auto parent = std::to_string(process_->pid());
  std::ifstream("/proc/" + parent + "/task/" + parent + "/children") >> worker_;
  if (worker_ <= 0) throw std::runtime_error("varnishd has no child");
}

varnish::~varnish() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bench
