#include "trace.hpp"

#include <fmt/core.h>

#include <zlib.h>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace strata::bench {

std::vector<request> read_trace(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  std::vector<request> requests;
  char line[256];
  while (gzgets(file.get(), line, sizeof line) != nullptr) {
    request r;
    char* at = line;
    const auto number = [&](auto read) {
      char* end = nullptr;
      const auto value = read(at, &end);
      if (end == at) throw std::runtime_error(fmt::format("{}:{}: not a number", path, requests.size() + 1));
      at = *end == ',' ? end + 1 : end;
      return value;
    };
    const auto seconds = [&] {
      return static_cast<std::int64_t>(number([](char* s, char** e) { return std::strtod(s, e); }) * 1e9);
    };
    const auto whole = [&] {
      return static_cast<std::uint32_t>(number([](char* s, char** e) { return std::strtoul(s, e, 10); }));
    };
    r.time = seconds();
    r.key = whole();
    r.size = whole();
    if (*at != '\n' && *at != '\r' && *at != '\0') r.ttl = seconds();
    requests.push_back(r);
  }
  return requests;
}

std::map<std::string, published_ratio> read_reference(const std::string& path) {
  std::map<std::string, published_ratio> rows;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string trace, mode, algorithm, fraction, capacity, objects, bytes;
    for (auto* field : {&trace, &mode, &algorithm, &fraction, &capacity, &objects, &bytes}) {
      std::getline(fields, *field, ',');
    }
    rows[trace + "," + algorithm + "," + fraction] = {std::stoul(capacity), std::stod(objects),
                                                      std::stod(bytes)};
  }
  return rows;
}

}  // namespace strata::bench
