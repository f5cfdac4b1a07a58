#include "server/tls.hpp"

#include <algorithm>
#include <climits>
#include <new>
#include <stdexcept>
#include <string_view>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace strata::server {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  throw std::runtime_error(what + ": " + (code == 0 ? "unknown error" : text));
}

/// Prefers HTTP/2. A client that offers neither protocol gets none, and then speaks HTTP/1.1.
int choose_protocol(SSL* /*session*/, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* in, unsigned int in_length, void* /*argument*/) {
  static constexpr unsigned char ours[] = "\x02h2\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, ours, sizeof ours - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int length_of(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

tls_context::tls_context(const tls_files& files) : context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr) throw std::bad_alloc();
  try {
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_options(context_,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // An idle connection keeps no buffers; what could not be written is offered again from another place.
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(context_, choose_protocol, nullptr);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context_, files.certificate.c_str()) != 1) {
      refuse("cannot use the certificate " + files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      refuse("cannot use the key " + files.key);
    }
    if (SSL_CTX_check_private_key(context_) != 1) {
      refuse("the key " + files.key + " is not that of the certificate " + files.certificate);
    }
  } catch (...) {
    SSL_CTX_free(context_);
    throw;
  }
}

tls_context::~tls_context() {
  SSL_CTX_free(context_);
}

tls_session::tls_session(const tls_context& with, int socket) : session_(SSL_new(with.get())) {
  if (session_ == nullptr || SSL_set_fd(session_, socket) != 1) {
    SSL_free(session_);
    throw std::bad_alloc();
  }
  SSL_set_accept_state(session_);
}

tls_session::~tls_session() {
  SSL_free(session_);
}

tls_session::progress tls_session::outcome(int returned) noexcept {
  if (returned > 0) return {.bytes = static_cast<std::size_t>(returned)};
  switch (SSL_get_error(session_, returned)) {
    case SSL_ERROR_WANT_READ:
      return {.wants = wanted::readable};
    case SSL_ERROR_WANT_WRITE:
      return {.wants = wanted::writable};
    case SSL_ERROR_ZERO_RETURN:
      return {.ended = true};
    default:
      failed_ = true;  // SSL_shutdown must not be called then
      ERR_clear_error();
      return {.ended = true};
  }
}

tls_session::progress tls_session::handshake() noexcept {
  ERR_clear_error();
  return outcome(SSL_do_handshake(session_));
}

tls_session::progress tls_session::read(std::span<char> into) noexcept {
  ERR_clear_error();
  return outcome(SSL_read(session_, into.data(), length_of(into.size())));
}

tls_session::progress tls_session::write(std::span<const char> bytes) noexcept {
  ERR_clear_error();
  return outcome(SSL_write(session_, bytes.data(), length_of(bytes.size())));
}

void tls_session::end() noexcept {
  if (failed_ || SSL_in_init(session_) != 0) return;
  ERR_clear_error();
  SSL_shutdown(session_);
  ERR_clear_error();
}

bool tls_session::speaks_http2() const noexcept {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(session_, &name, &length);
  return std::string_view(reinterpret_cast<const char*>(name), length) == "h2";
}

}  // namespace strata::server
