#pragma once
/// The address of a Redis or Valkey server, and our credentials there.
/// Threads: values.

#include <cstdint>
#include <string>

namespace strata::redis {

/// A server's TCP port, or its Unix socket.
struct address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string path;  ///< of a Unix socket; if not empty, host and port are ignored

  friend bool operator==(const address&, const address&) = default;
};

/// "127.0.0.1:6379", "[::1]:6379" or a path. Never holds a secret.
std::string to_text(const address& of);

/// Both empty: the default user without a password. Only a password: the default user's.
struct credentials {
  std::string user;
  std::string password;

  friend bool operator==(const credentials&, const credentials&) = default;
};

/// How the server and we authenticate each other. Files are PEM.
struct tls_options {
  bool enabled = false;
  std::string ca_file;           ///< trusted authorities; empty: those of the system
  std::string certificate_file;  ///< ours, with its chain; needs `key_file`
  std::string key_file;
  std::string server_name;  ///< for SNI and the certificate; empty: the address's host

  friend bool operator==(const tls_options&, const tls_options&) = default;
};

}  // namespace strata::redis
