#pragma once
/// Commands that a test runs in a shell.
/// Threads: any.

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace strata::test {

/// What `command` writes to its standard output.
inline std::string output_of(const std::string& command) {
  std::string out;
  auto* const from = ::popen(command.c_str(), "r");
  if (from == nullptr) throw std::runtime_error(command);
  std::array<char, 4096> piece{};
  while (const auto got = std::fread(piece.data(), 1, piece.size(), from)) out.append(piece.data(), got);
  ::pclose(from);
  return out;
}

}  // namespace strata::test
