#include "platform/consistency_seal.hpp"

#include <sodium.h>

#include <cstring>
#include <span>
#include <stdexcept>
#include <variant>
#include <vector>

namespace strata::platform {

namespace {

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t token_size = 8 + 1 + 8;  // process, shared, at
constexpr std::size_t sealed_size = nonce_size + token_size + tag_size;
constexpr int encoding = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t text_size = (sealed_size * 4 + 2) / 3;

using plain = std::array<unsigned char, token_size>;
using sealed = std::array<unsigned char, sealed_size>;

plain bytes_of(const consistency_token& token) {
  plain out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<unsigned char>(token.process >> (8 * i));
    out[9 + i] = static_cast<unsigned char>(token.at >> (8 * i));
  }
  out[8] = token.shared ? 1 : 0;
  return out;
}

std::optional<consistency_token> token_of(const plain& bytes) {
  consistency_token out{.shared = bytes[8] == 1};
  for (std::size_t i = 0; i < 8; ++i) {
    out.process |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    out.at |= static_cast<std::uint64_t>(bytes[9 + i]) << (8 * i);
  }
  if (bytes[8] > 1 || out.at > last_commit_time) return {};
  return out;
}

std::string to_base64(std::span<const unsigned char> bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), encoding), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), encoding);
  text.pop_back();  // the terminating zero
  return text;
}

bool from_base64(std::string_view text, std::span<unsigned char> into) {
  std::size_t size = 0;
  const char* end = nullptr;
  return sodium_base642bin(into.data(), into.size(), text.data(), text.size(), nullptr, &size, &end,
                           encoding) == 0 &&
         size == into.size() && end == text.data() + text.size();
}

}  // namespace

consistency_seal::consistency_seal() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium could not be initialised");
  randombytes_buf(key_.data(), key_.size());
}

consistency_seal::~consistency_seal() {
  sodium_memzero(key_.data(), key_.size());
}

std::string_view consistency_seal::schema() noexcept {
  return R"sql(
CREATE TABLE gateway_keys (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
)sql";
}

namespace {

constexpr std::string_view key_name = "consistency";

task<result<sql_rows>> read_key(database& from) {
  return from.query("SELECT value FROM gateway_keys WHERE name = $1", {std::string(key_name)});
}

}  // namespace

task<result<void>> consistency_seal::load(database& from) {
  auto reading = read_key(from);
  auto rows = co_await std::move(reading);
  if (rows && rows->empty()) {
    std::vector<sql_value> ours{std::string(key_name), to_base64(key_)};
    auto writing =
        from.execute("INSERT INTO gateway_keys (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                     std::move(ours));
    const auto written = co_await std::move(writing);
    if (!written) co_return std::unexpected(written.error());
    auto again = read_key(from);
    rows = co_await std::move(again);
  }
  if (!rows) co_return std::unexpected(rows.error());
  std::array<unsigned char, 32> found{};
  const auto* text = rows->empty() ? nullptr : std::get_if<std::string>(&rows->at(0, "value"));
  if (text == nullptr || !from_base64(*text, found)) {
    co_return fail(errc::database_unavailable, "gateway_keys: the key \"consistency\" is damaged");
  }
  key_ = found;
  sodium_memzero(found.data(), found.size());
  co_return result<void>();
}

std::string consistency_seal::seal(const consistency_token& token) const {
  sealed out{};
  randombytes_buf(out.data(), nonce_size);
  const auto bytes = bytes_of(token);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + nonce_size, nullptr, bytes.data(), bytes.size(),
                                             nullptr, 0, nullptr, out.data(), key_.data());
  return to_base64(out);
}

std::optional<consistency_token> consistency_seal::open(std::string_view text) const {
  sealed bytes{};
  if (text.size() != text_size || !from_base64(text, bytes)) return {};
  plain out{};
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      out.data(), nullptr, nullptr, bytes.data() + nonce_size, bytes.size() - nonce_size, nullptr, 0,
      bytes.data(), key_.data());
  if (failed != 0) return {};
  return token_of(out);
}

}  // namespace strata::platform
