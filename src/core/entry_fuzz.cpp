/// Any bytes are refused as corrupt, or are an entry; and an entry is written as the same bytes.

#include "core/entry_format.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto entry = strata::parse_entry(bytes);
  if (!entry) {
    if (entry.error().code != strata::errc::corrupt_entry) std::abort();
    return 0;
  }
  std::string again;
  if (!strata::append_header(again, entry->header, entry->wrapping)) std::abort();
  again += entry->body;
  if (again != bytes) std::abort();
  return 0;
}
