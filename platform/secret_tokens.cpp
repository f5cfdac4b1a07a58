#include "platform/secret_tokens.hpp"

#include "platform/ids.hpp"

#include <sodium.h>

#include <array>

namespace strata::platform {

namespace {

constexpr std::size_t bytes = 32;
constexpr std::size_t characters = 43;  // in base64 without padding

}  // namespace

std::string new_secret_token(std::string_view prefix) {
  return std::string(prefix) + random_text(bytes);
}

bool plausible_secret_token(std::string_view prefix, std::string_view text) noexcept {
  return text.size() == prefix.size() + characters && text.starts_with(prefix);
}

std::string hash_of_token(std::string_view token) {
  std::array<unsigned char, bytes> hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  std::array<char, characters + 1> text;
  sodium_bin2base64(text.data(), text.size(), hash.data(), hash.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return {text.data(), characters};
}

}  // namespace strata::platform
