/// Decompresses whatever stands where a frame should: never beyond the limit, never a crash.
/// The checksum around it is right only by accident here, so the envelope's target seldom gets this far.

#include "codec/compression.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t limit = 1u << 16;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto out = strata::detail::decompress(input, limit, {});
  if (out && out->size() > limit) std::abort();
  const auto frame = strata::detail::compress(input, {});
  if (frame && strata::detail::decompress(*frame, size, {}) != std::string(input)) std::abort();
  return 0;
}
