#pragma once
/// Writing into a string without filling it with zeros first.
/// Threads: pure functions.

#include <cstddef>
#include <string>

namespace strata::detail {

/// Lets `write(char*, size)` append up to `size` bytes to `out`; it returns how many it wrote.
template <class Write>
void append_with(std::string& out, std::size_t size, Write write) {
  const auto before = out.size();
  // When it grows, libstdc++ 12 passes the capacity instead of the requested size.
  out.resize_and_overwrite(before + size,
                           [&](char* bytes, std::size_t) { return before + write(bytes + before, size); });
}

}  // namespace strata::detail
