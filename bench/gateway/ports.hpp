#pragma once
/// For servers that cannot pick a free port themselves.

namespace bench {

/// A port of 127.0.0.1 that was free a moment ago.
int spare_port();

/// True when a server accepts connections on `port`, within five seconds.
bool comes_up(int port);

}  // namespace bench
