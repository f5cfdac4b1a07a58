#pragma once
/// Where a Redis or Valkey server is, and who we are to it.
/// Threads: values.

#include <cstdint>
#include <string>

namespace strata::redis {

/// A server's TCP port, or its Unix socket.
struct address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string path;  ///< of a Unix socket; if not empty, host and port say nothing

  friend bool operator==(const address&, const address&) = default;
};

/// "127.0.0.1:6379", "[::1]:6379" or a path. Never holds a secret.
std::string to_text(const address& of);

/// Both empty: the default user, without a password. Only the password given: the default user's.
struct credentials {
  std::string user;
  std::string password;

  friend bool operator==(const credentials&, const credentials&) = default;
};

/// How a server proves itself, and how we do. Files are PEM.
struct tls_options {
  bool enabled = false;
  std::string ca_file;           ///< whom to trust; empty: whom the system trusts
  std::string certificate_file;  ///< ours, with its chain; needs `key_file`
  std::string key_file;
  std::string server_name;  ///< for SNI and the certificate; empty: the address's host

  friend bool operator==(const tls_options&, const tls_options&) = default;
};

}  // namespace strata::redis
