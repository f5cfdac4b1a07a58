/// The decoder comes to the same body and the same verdict however its input is cut.
/// An input is a byte that says how, and the chunked bytes.

#include "http/chunked.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

struct outcome {
  std::string body;
  std::size_t consumed = 0;
  strata::http::chunked_decoder::parse_status state{};
  int status = 0;
  bool operator==(const outcome&) const = default;
};

outcome decode(std::string bytes, std::size_t piece) {
  strata::http::chunked_decoder decoder(300);
  outcome got;
  for (std::size_t at = 0;
       at < bytes.size() && decoder.state() == strata::http::chunked_decoder::parse_status::incomplete;
       at += piece) {
    const auto size = std::min(piece, bytes.size() - at);
    const auto step = decoder.feed(bytes.data() + at, size, bytes.data() + at);
    if (step.produced > step.consumed || step.consumed > size) std::abort();
    got.body.append(bytes.data() + at, step.produced);
    got.consumed += step.consumed;
  }
  got.state = decoder.state();
  if (got.state == strata::http::chunked_decoder::parse_status::refused) got.status = decoder.status();
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = decode(bytes, std::max<std::size_t>(1, bytes.size()));
  if (whole != decode(bytes, 1) || whole != decode(bytes, 1 + data[0] % 32)) std::abort();
  if (whole.body.size() > 300) std::abort();
  return 0;
}
