#include "redis/connection/tls.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace strata::redis {

namespace {

constexpr std::size_t most_in_record = 16384;

/// The oldest error of this thread, in words, and forgets the others.
std::string last_words() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the peer closed the session";
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {:x}", code) : reason;
}

std::unexpected<error> bad_file(std::string_view what, const std::string& file) {
  return fail(errc::invalid_argument, fmt::format("cannot use the {} '{}': {}", what, file, last_words()));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> parsed;
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

}  // namespace

tls_context::~tls_context() {
  SSL_CTX_free(context_);
}

result<std::shared_ptr<const tls_context>> tls_context::make(const tls_options& with) {
  ERR_clear_error();
  SSL_CTX* made = SSL_CTX_new(TLS_client_method());
  if (made == nullptr) throw std::bad_alloc();
  auto context = std::make_shared<const tls_context>(made);
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
  if (with.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(made);
  } else if (SSL_CTX_load_verify_locations(made, with.ca_file.c_str(), nullptr) != 1) {
    return bad_file("CA file", with.ca_file);
  }
  if (!with.certificate_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(made, with.certificate_file.c_str()) != 1) {
      return bad_file("certificate", with.certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(made, with.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(made) != 1) {
      return bad_file("key", with.key_file);
    }
  }
  return context;
}

tls_session::tls_session(std::shared_ptr<const tls_context> with, const std::string& server)
    : context_(std::move(with)), session_(SSL_new(context_->get())) {
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (session_ == nullptr || in == nullptr || out == nullptr) throw std::bad_alloc();
  SSL_set_bio(session_, in, out);  // which now owns them
  SSL_set_connect_state(session_);
  if (is_address(server)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_), server.c_str());
  } else {
    SSL_set_hostflags(session_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(session_, server.c_str());
    auto name = server;  // what SSL_set_tlsext_host_name is, without its cast
    SSL_ctrl(session_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
}

tls_session::~tls_session() {
  SSL_free(session_);
}

std::unexpected<error> tls_session::failed() const {
  const auto verified = SSL_get_verify_result(session_);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return fail(errc::store_unavailable, fmt::format("the server's certificate is not trusted: {}",
                                                     X509_verify_cert_error_string(verified)));
  }
  return fail(errc::store_unavailable, fmt::format("TLS failed: {}", last_words()));
}

result<bool> tls_session::handshake() {
  if (done_) return true;
  ERR_clear_error();
  const int returned = SSL_do_handshake(session_);
  if (returned == 1) return done_ = true;
  const int why = SSL_get_error(session_, returned);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return false;
  return failed();
}

result<void> tls_session::received(std::string_view bytes, read_buffer& plain) {
  ERR_clear_error();
  if (BIO_write(SSL_get_rbio(session_), bytes.data(), static_cast<int>(bytes.size())) !=
      static_cast<int>(bytes.size())) {
    throw std::bad_alloc();
  }
  if (!done_) {
    const auto ready = handshake();
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return {};
  }
  for (;;) {
    const auto room = plain.room(most_in_record);
    const int size =
        SSL_read(session_, room.data(), static_cast<int>(std::min<std::size_t>(room.size(), 1u << 30)));
    if (size > 0) {
      plain.filled(static_cast<std::size_t>(size));
      continue;
    }
    const int why = SSL_get_error(session_, size);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
    return failed();
  }
}

result<void> tls_session::send(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    const int size =
        SSL_write(session_, plain.data(), static_cast<int>(std::min<std::size_t>(plain.size(), 1u << 30)));
    if (size <= 0) return failed();
    plain.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

void tls_session::take_output(std::string& into) {
  BIO* out = SSL_get_wbio(session_);
  const auto pending = BIO_ctrl_pending(out);
  if (pending == 0) return;
  const auto before = into.size();
  into.resize(before + pending);
  BIO_read(out, into.data() + before, static_cast<int>(pending));
}

}  // namespace strata::redis
