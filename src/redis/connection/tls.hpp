#pragma once
/// TLS without a socket: network bytes go in and plain bytes come out, and the reverse. The connection moves
/// them; OpenSSL does the rest in memory.
/// Threads: `tls_context` is immutable; `tls_session` one strand.

#include "redis/connection/address.hpp"
#include "redis/connection/read_buffer.hpp"

#include <strata/error.hpp>

#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace strata::redis {

/// The trusted authorities and our certificate. The server is always verified: its chain, and its name or
/// address.
class tls_context {
 public:
  /// Reads the files. Errors: invalid_argument, with the file and the problem.
  static result<std::shared_ptr<const tls_context>> make(const tls_options& with);

  explicit tls_context(ssl_ctx_st* owned) noexcept : context_(owned) {}
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  ssl_ctx_st* get() const noexcept { return context_; }

 private:
  ssl_ctx_st* context_;
};

class tls_session {
 public:
  /// A client's session with `server`, a name or an address.
  tls_session(std::shared_ptr<const tls_context> with, const std::string& server);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// Decrypts `bytes` from the network and appends the plain bytes to `plain`.
  /// Errors: store_unavailable, with the problem of the certificate or the protocol.
  result<void> received(std::string_view bytes, read_buffer& plain);
  /// Continues the handshake. Returns whether it is done. Errors: as above.
  result<bool> handshake();
  /// Encrypts `plain`. Requires: the handshake is done. Errors: as above.
  result<void> send(std::string_view plain);
  /// Appends the bytes for the network. Requires: called after each of the above, failed or not.
  void take_output(std::string& into);

 private:
  std::unexpected<error> failed() const;

  std::shared_ptr<const tls_context> context_;
  ssl_st* session_;
  bool done_ = false;
};

}  // namespace strata::redis
