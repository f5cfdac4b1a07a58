#include "bench/gateway/load.hpp"

#include "bench/gateway/process.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {

namespace {

/// A script that has every request ready beforehand, so that wrk costs the same for one target
/// as for many; and that counts answers by status.
std::string script(const load& what) {
  std::string text = "local requests = {}\nlocal head = \"\"\n";
  for (const auto& each : what.fields) text += fmt::format("head = head .. [[{}]] .. \"\\r\\n\"\n", each);
  text += "local targets = {\n";
  for (const auto& each : what.targets) text += fmt::format("[[{}]],\n", each);
  text += R"(}
function init(args)
  math.randomseed(42)
  for i, target in ipairs(targets) do
    requests[i] = "GET " .. target .. " HTTP/1.1\r\nHost: localhost\r\n" .. head .. "\r\n"
  end
end
local count = #targets
if count == 1 then
  request = function() return requests[1] end
else
  local random = math.random
  request = function() return requests[random(count)] end
end
function done(summary, latency, all)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration,
                         e.connect + e.read + e.write + e.timeout, e.status))
end
)";
  return text;
}

/// The status that a plain request gets; 0 if none.
int probe(const load& what, int core) {
  std::vector<std::string> command{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n"};
  for (const auto& each : what.fields) {
    command.emplace_back("-H");
    command.push_back(each);
  }
  command.push_back(what.origin + what.targets.front());
  return std::atoi(process(command, core).read_all().c_str());
}

}  // namespace

cost measure(const load& what, pid_t server, const load_options& options) {
  if (const int got = probe(what, options.core); got != what.status) {
    return {.error = fmt::format("{}{} answers {} and not {}", what.origin, what.targets.front(), got,
                                 what.status)};
  }
  const auto file = std::filesystem::temp_directory_path() / fmt::format("gateway_bench_{}.lua", ::getpid());
  std::ofstream(file) << script(what);
  const auto before = cpu_seconds(server);
  process wrk({"wrk", "-t1", fmt::format("-c{}", options.connections), fmt::format("-d{}s", options.seconds),
               "-s", file.string(), what.origin},
              options.core);
  const auto report = wrk.read_all();
  const auto used = cpu_seconds(server) - before;
  std::filesystem::remove(file);

  const auto at = report.find("RESULT ");
  if (at == std::string::npos) return {.error = "wrk gave no result: " + report};
  std::istringstream numbers(report.substr(at + 7));
  double requests = 0;
  double microseconds = 0;
  double broken = 0;
  double refused = 0;
  numbers >> requests >> microseconds >> broken >> refused;
  if (requests == 0 || broken > 0 || refused > 0) {
    return {.error =
                fmt::format("{} requests, {} broken, {} with an error status", requests, broken, refused)};
  }
  return {.microseconds = used / requests * 1e6,
          .requests_per_second = requests / microseconds * 1e6,
          .error = {}};
}

}  // namespace bench
