/// Whatever a client writes into the fields, the client that is found is the peer or an address from the
/// fields, and an untrusted peer is never replaced. An input is Forwarded, a line feed and X-Forwarded-For.

#include "http/client_address.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata::http;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto cut = bytes.find('\n');
  const auto forwarded = bytes.substr(0, cut);
  const auto other = cut == std::string_view::npos ? std::string_view() : bytes.substr(cut + 1);
  const std::array trusted{*parse_network("10.0.0.0/8"), *parse_network("fd00::/8")};
  const auto stranger = *parse_ip("192.0.2.1");
  const auto proxy = *parse_ip("10.0.0.1");
  for (const auto which :
       {forwarded_field::either, forwarded_field::forwarded, forwarded_field::x_forwarded_for}) {
    if (find_client(stranger, forwarded, other, trusted, which) != stranger) std::abort();
    const auto found = find_client(proxy, forwarded, other, trusted, which);
    if (parse_ip(to_text(found)) != found) std::abort();
  }
  if (const auto address = parse_ip(bytes); address && parse_ip(to_text(*address)) != *address) std::abort();
  if (const auto network = parse_network(bytes); network && !network->contains(network->address))
    std::abort();
  return 0;
}
