#include "platform/ids.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace strata::platform {

namespace {

std::string url_safe(const unsigned char* bytes, std::size_t size) {
  std::string out(sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.pop_back();  // the terminating zero
  return out;
}

bool shaped(std::string_view prefix, std::string_view id, std::size_t least) noexcept {
  if (!id.starts_with(prefix)) return false;
  id.remove_prefix(prefix.size());
  return id.size() >= least && id.size() <= 60 && std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-';
         });
}

}  // namespace

std::string random_text(std::size_t size) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
  std::vector<unsigned char> bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  return url_safe(bytes.data(), bytes.size());
}

std::string new_id(std::string_view prefix) {
  return std::string(prefix) + random_text(12);
}

std::string stable_id(std::string_view prefix, std::string_view name) {
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(name.data()),
                     name.size(), nullptr, 0);
  return std::string(prefix) + url_safe(hash.data(), 12);
}

bool plausible_id(std::string_view prefix, std::string_view id) noexcept {
  return shaped(prefix, id, 1);
}
bool well_formed_id(std::string_view prefix, std::string_view id) noexcept {
  return shaped(prefix, id, 12);
}

}  // namespace strata::platform
