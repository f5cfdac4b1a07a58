#include "gateway/file.hpp"

#include <fmt/format.h>
#include <strata/units.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace strata::gateway {

result<std::string> read_file(const std::string& file, byte_size limit) {
  std::error_code failed;
  if (std::filesystem::is_directory(file, failed)) {
    return fail(errc::invalid_argument, "cannot be read: it is a folder");
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const auto why = std::error_code(errno, std::generic_category());
    return fail(errc::invalid_argument, "cannot be read: " + why.message());
  }
  std::string text(limit.count + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(errc::invalid_argument, "cannot be read to its end");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limit.count) return fail(errc::too_large, "is larger than " + to_text(limit));
  return text;
}

}  // namespace strata::gateway
