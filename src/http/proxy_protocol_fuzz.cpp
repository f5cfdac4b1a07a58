/// A header is read the same however its bytes arrive, and what follows it changes nothing.

#include "http/proxy_protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using strata::http::parse_proxy_header;
  using state = strata::http::proxy_header::parse_status;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = parse_proxy_header(bytes);
  if (whole.state == state::incomplete && size >= strata::http::longest_proxy_header) std::abort();
  if (whole.state != state::complete) return 0;
  if (whole.length > size || whole.length > strata::http::longest_proxy_header) std::abort();
  for (std::size_t i = 0; i < whole.length; ++i) {
    if (parse_proxy_header(std::string_view(bytes).substr(0, i)).state != state::incomplete) std::abort();
  }
  const auto again = parse_proxy_header(bytes.substr(0, whole.length) + "more");
  if (again.length != whole.length || again.client != whole.client) std::abort();
  return 0;
}
