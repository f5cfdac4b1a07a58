#pragma once
/// Certificates of a listener, and the TLS sessions made with them.
/// Threads: `tls_context` is immutable and shared; a `tls_session` belongs to its connection.

#include <server/server.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <openssl/types.h>

namespace strata::server {

/// TLS 1.2 and newer, with HTTP/2 and HTTP/1.1 offered by ALPN.
class tls_context {
 public:
  /// Reads both files. Throws std::runtime_error that names the file and the reason.
  explicit tls_context(const tls_files& files);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  SSL_CTX* get() const noexcept { return context_; }

 private:
  SSL_CTX* context_;
};

/// One connection's session over a socket that does not block.
class tls_session {
 public:
  /// What a call waits for before it can go on.
  enum class wanted : std::uint8_t { nothing, readable, writable };
  struct progress {
    std::size_t bytes = 0;
    wanted wants = wanted::nothing;
    bool ended = false;  ///< by the peer, or by an error
  };

  /// Throws std::bad_alloc. Lifetime: `socket` outlives it; the context lives on by itself.
  tls_session(const tls_context& with, int socket);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  progress handshake() noexcept;
  progress read(std::span<char> into) noexcept;
  /// After it wanted something, the same bytes must be offered again, at the same place or another.
  progress write(std::span<const char> bytes) noexcept;
  /// Tells the peer that nothing follows, if that can be sent at once.
  void end() noexcept;

  /// True if the client and the server agreed on HTTP/2. Requires: the handshake is complete.
  bool speaks_http2() const noexcept;

 private:
  progress outcome(int returned) noexcept;
  SSL* session_;
  bool failed_ = false;
};

}  // namespace strata::server
