#include "codec/envelope.hpp"

#include "codec/append.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <xxhash.h>
#include <algorithm>
#include <cassert>
#include <cstring>

namespace strata::detail {

namespace {

constexpr std::size_t checksum_size = 8;
constexpr std::size_t mac_size = crypto_shorthash_siphashx24_BYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == key_ring::key_size);
static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == sizeof(entry_wrapping::nonce));

const unsigned char* unsigned_of(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

std::array<char, checksum_size> checksum(std::string_view bytes, std::string_view name) {
  XXH64_canonical_t out;
  XXH64_canonicalFromHash(
      &out, XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(name.data(), name.size())));
  std::array<char, checksum_size> digits{};
  std::memcpy(digits.data(), out.digest, digits.size());
  return digits;
}

/// The MAC of `bytes` under `name`: SipHash has a key for each name, so nothing is copied to join the two.
std::array<char, mac_size> mac(std::string_view bytes, std::string_view name, const unsigned char* key) {
  static_assert(mac_size == crypto_shorthash_siphashx24_KEYBYTES);
  std::array<unsigned char, mac_size> of_name{};
  std::array<unsigned char, mac_size> digest{};
  crypto_shorthash_siphashx24(of_name.data(), unsigned_of(name.data()), name.size(), key);
  crypto_shorthash_siphashx24(digest.data(), unsigned_of(bytes.data()), bytes.size(), of_name.data());
  std::array<char, mac_size> out{};
  std::memcpy(out.data(), digest.data(), out.size());
  sodium_memzero(of_name.data(), of_name.size());
  return out;
}

template <class Options>
const dictionaries& known_to(const Options& options) {
  static const dictionaries none;
  return options.known == nullptr ? none : *options.known;
}

std::string associated_data(std::string_view header, std::string_view name) {
  std::string data;
  data.reserve(header.size() + name.size());
  return data.append(header).append(name);  // a header states its own length
}

result<std::string> seal_secret(const entry_header& header, std::string_view payload,
                                const seal_options& options) {
  entry_wrapping wrapping{.key_id = options.keys->active()};
  const auto* key = key_bytes(*options.keys, wrapping.key_id);
  assert(key != nullptr);
  randombytes_buf(wrapping.nonce.data(), wrapping.nonce.size());
  std::string out;
  if (auto done = append_header(out, header, wrapping); !done) return std::unexpected(done.error());
  const auto data = associated_data(out, options.name);
  append_with(out, payload.size() + tag_size, [&](char* at, std::size_t size) {
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        reinterpret_cast<unsigned char*>(at), nullptr, unsigned_of(payload.data()), payload.size(),
        unsigned_of(data.data()), data.size(), nullptr, wrapping.nonce.data(), key);
    return size;
  });
  return out;
}

error missing_key(std::uint32_t id) {
  return {.code = errc::corrupt_entry,
          .detail = fmt::format("the entry is sealed with key {}, which is not in the ring", id)};
}

error not_authentic(std::uint32_t id) {
  return {.code = errc::unauthentic_entry,
          .detail = fmt::format("the entry is not authentic under key {}: it was changed, cut, sealed for "
                                "another name, or that is another key",
                                id)};
}

result<std::string> open_secret(std::string_view bytes, const parsed_entry& entry,
                                const open_options& options) {
  const auto id = entry.wrapping.key_id;
  const auto* key = options.keys == nullptr ? nullptr : key_bytes(*options.keys, id);
  if (key == nullptr) return std::unexpected(missing_key(id));
  if (entry.body.size() < tag_size) return fail(errc::corrupt_entry, "the entry ends inside its tag");
  const auto data = associated_data(bytes.substr(0, bytes.size() - entry.body.size()), options.name);
  std::string out;
  int failed = 0;
  append_with(out, entry.body.size() - tag_size, [&](char* at, std::size_t size) {
    failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        reinterpret_cast<unsigned char*>(at), nullptr, nullptr, unsigned_of(entry.body.data()),
        entry.body.size(), unsigned_of(data.data()), data.size(), entry.wrapping.nonce.data(), key);
    return failed == 0 ? size : 0;
  });
  if (failed != 0) {
    return std::unexpected(not_authentic(id));
  }
  return out;
}

/// The bytes between the header and the MAC.
result<std::string_view> open_authenticated(std::string_view bytes, const parsed_entry& entry,
                                            const open_options& options) {
  const auto id = entry.wrapping.key_id;
  if (options.sensitive) {
    return fail(errc::unauthentic_entry, "the entry may be read, but the policy accepts only encrypted ones");
  }
  const auto* key = options.keys == nullptr ? nullptr : mac_key_bytes(*options.keys, id);
  if (key == nullptr) return std::unexpected(missing_key(id));
  if (entry.body.size() < mac_size) return fail(errc::corrupt_entry, "the entry ends inside its MAC");
  const auto right = mac(bytes.substr(0, bytes.size() - mac_size), options.name, key);
  if (sodium_memcmp(right.data(), bytes.data() + bytes.size() - mac_size, mac_size) != 0) {
    return std::unexpected(not_authentic(id));
  }
  return entry.body.substr(0, entry.body.size() - mac_size);
}

/// The bytes between the header and the checksum.
result<std::string_view> open_clear(std::string_view bytes, const parsed_entry& entry,
                                    const open_options& options) {
  if (options.sensitive) {
    return fail(errc::unauthentic_entry, "the entry is in clear, but the policy accepts only encrypted ones");
  }
  if (options.keys != nullptr && options.keys->active() != 0) {
    return fail(errc::unauthentic_entry,
                "the entry carries no MAC: it was written without keys, or by another program");
  }
  if (entry.body.size() < checksum_size) {
    return fail(errc::corrupt_entry, "the entry ends inside its checksum");
  }
  const auto sum = checksum(bytes.substr(0, bytes.size() - checksum_size), options.name);
  if (!bytes.ends_with(std::string_view(sum.data(), sum.size()))) {
    return fail(errc::corrupt_entry,
                "the checksum is wrong: the entry was changed, cut, or stored under another name");
  }
  return entry.body.substr(0, entry.body.size() - checksum_size);
}

/// The bytes between the header and what protects them, if they may be read.
result<std::string_view> open_readable(std::string_view bytes, const parsed_entry& entry,
                                       const open_options& options) {
  return entry.wrapping.authenticated ? open_authenticated(bytes, entry, options)
                                      : open_clear(bytes, entry, options);
}

bool is_secret(const parsed_entry& entry) {
  return entry.wrapping.key_id != 0 && !entry.wrapping.authenticated;
}

}  // namespace

result<std::string> seal_entry(const entry_header& header, std::string_view payload,
                               const seal_options& options) {
  assert(!header.negative || payload.empty());
  assert(!options.sensitive || options.keys != nullptr);
  if (options.sensitive) return seal_secret(header, payload, options);
  const auto key_id = options.keys == nullptr ? 0 : options.keys->active();
  std::optional<std::string> frame;
  if (payload.size() <= std::min(options.max_size, decompress_limit)) {
    frame = compress(payload, known_to(options));
  }
  const auto body = frame ? std::string_view(*frame) : payload;
  std::string out;
  const entry_wrapping wrapping{.zstd = frame.has_value(), .authenticated = key_id != 0, .key_id = key_id};
  if (auto done = append_header(out, header, wrapping); !done) return std::unexpected(done.error());
  out.reserve(out.size() + body.size() + mac_size);
  out += body;
  if (key_id != 0) {
    const auto digest = mac(out, options.name, mac_key_bytes(*options.keys, key_id));
    return out.append(digest.data(), digest.size());
  }
  const auto sum = checksum(out, options.name);
  return out.append(sum.data(), sum.size());
}

result<entry_header> check_entry(std::string_view bytes, const open_options& options) {
  auto parsed = parse_entry(bytes);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (is_secret(*parsed)) {
    if (auto secret = open_secret(bytes, *parsed, options); !secret) return std::unexpected(secret.error());
  } else if (auto inside = open_readable(bytes, *parsed, options); !inside) {
    return std::unexpected(inside.error());
  }
  return std::move(parsed->header);
}

result<opened_entry> open_entry(std::string_view bytes, const open_options& options) {
  auto parsed = parse_entry(bytes);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  opened_entry out;
  const auto own = [&](result<std::string> payload) -> result<void> {
    if (!payload) return std::unexpected(std::move(payload.error()));
    out.made_ = std::move(*payload);
    out.owned_ = true;
    return {};
  };
  result<void> done;
  if (is_secret(*parsed)) {
    done = own(open_secret(bytes, *parsed, options));
  } else if (const auto inside = open_readable(bytes, *parsed, options); !inside) {
    done = std::unexpected(inside.error());
  } else if (parsed->wrapping.zstd) {
    done = own(decompress(*inside, std::min(options.max_size, decompress_limit), known_to(options)));
  } else {
    out.within_ = *inside;
  }
  if (!done) return std::unexpected(std::move(done.error()));
  out.header = std::move(parsed->header);
  if (out.header.negative && !out.payload().empty()) {
    return fail(errc::corrupt_entry, "a negative entry has a payload");
  }
  return out;
}

}  // namespace strata::detail
