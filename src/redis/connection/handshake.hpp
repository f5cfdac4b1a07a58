#pragma once
/// The first commands on a connection, and their replies: HELLO 3 with login and name, SELECT, PING, INFO and
/// the client's setup, all in one round trip.
/// Threads: pure functions.

#include "redis/connection/client.hpp"

#include <span>

namespace strata::redis {

resp::pipeline handshake_commands(const client_options& with);

/// Reads the replies of the server at `from` to `handshake_commands`. Errors: store_unavailable, with what is
/// wrong and what to do about it, and never a password.
result<connection_info> read_handshake(const client_options& with, const address& from,
                                       std::span<resp::value> replies);

}  // namespace strata::redis
