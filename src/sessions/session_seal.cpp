#include "sessions/session_seal.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <charconv>
#include <vector>

namespace strata::detail {

namespace {

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int encoding = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::string_view format = "1.";

using bytes = std::vector<unsigned char>;

std::string bound_to(std::string_view id) {
  return "strata session " + std::string(id);
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::unexpected<error> damaged() {
  return fail(errc::corrupt_entry, "a session's details are damaged, or belong to another session");
}

}  // namespace

std::string seal_session(std::string_view text, std::string_view id, const key_ring* keys) {
  const auto key_id = keys != nullptr ? keys->active() : 0;
  if (key_id == 0) return std::string(text);
  bytes sealed(nonce_size + text.size() + tag_size);
  randombytes_buf(sealed.data(), nonce_size);
  const auto name = bound_to(id);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + nonce_size, nullptr, raw(text), text.size(),
                                             raw(name), name.size(), nullptr, sealed.data(),
                                             key_bytes(*keys, key_id));
  std::string encoded(sodium_base64_encoded_len(sealed.size(), encoding), '\0');
  sodium_bin2base64(encoded.data(), encoded.size(), sealed.data(), sealed.size(), encoding);
  encoded.pop_back();  // its terminating zero
  return fmt::format("{}{}.{}", format, key_id, encoded);
}

result<std::string> open_session(std::string_view sealed, std::string_view id, const key_ring* keys) {
  const bool encrypts = keys != nullptr && keys->active() != 0;
  if (sealed.starts_with('{')) {
    // Written before there were keys. No secret is in it, and a writer of the database may change any row.
    return std::string(sealed);
  }
  if (!sealed.starts_with(format)) return damaged();
  sealed.remove_prefix(format.size());
  const auto dot = sealed.find('.');
  if (dot == std::string_view::npos) return damaged();
  std::uint32_t key_id = 0;
  const auto [end, bad] = std::from_chars(sealed.data(), sealed.data() + dot, key_id);
  if (bad != std::errc() || end != sealed.data() + dot) return damaged();
  const auto* const key = encrypts ? key_bytes(*keys, key_id) : nullptr;
  if (key == nullptr) {
    return fail(
        errc::corrupt_entry,
        fmt::format("a session's details are encrypted with key {}, which encryption.keys lacks", key_id));
  }
  sealed.remove_prefix(dot + 1);
  bytes packed(sealed.size());
  std::size_t size = 0;
  if (sodium_base642bin(packed.data(), packed.size(), sealed.data(), sealed.size(), nullptr, &size, nullptr,
                        encoding) != 0 ||
      size < nonce_size + tag_size) {
    return damaged();
  }
  std::string text(size - nonce_size - tag_size, '\0');
  const auto name = bound_to(id);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(text.data()), nullptr,
                                                 nullptr, packed.data() + nonce_size, size - nonce_size,
                                                 raw(name), name.size(), packed.data(), key) != 0) {
    return damaged();
  }
  return text;
}

}  // namespace strata::detail
