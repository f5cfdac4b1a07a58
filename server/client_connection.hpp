#pragma once
/// What a loop knows of a connection, whichever protocol it speaks. Threads: its loop's.

#include "server/address_counts.hpp"

#include <server/server.hpp>
#include <strata/time.hpp>

#include <string>

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace strata::server {

/// Where a connection comes from.
struct client_origin {
  client_origin(const boost::asio::ip::address& peer, bool trusted)
      : text(http::to_text({whole_of(peer)})),
        whole(whole_of(peer)),
        counted(key_of(peer)),
        behind_proxy(trusted) {}

  /// Whether the PROXY protocol's header comes before the first byte of the connection.
  bool expects_proxy_header(const server_options& options) const noexcept {
    return behind_proxy && options.client_from == client_source::proxy_protocol;
  }

  std::string text;     ///< the peer's address, or the client's if the PROXY protocol names it
  address_key whole;    ///< the peer's
  address_key counted;  ///< for the bound of each address
  bool behind_proxy;    ///< the peer is a trusted proxy
};

class client_connection : public boost::intrusive::list_base_hook<> {
 public:
  explicit client_connection(const client_origin& from)
      : from_(from.counted), behind_proxy_(from.behind_proxy) {}
  virtual ~client_connection() = default;
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;

  virtual void start() = 0;
  /// Ends what takes too long.
  virtual void sweep(time_point now) = 0;
  /// Closes the connection as soon as its requests are answered.
  virtual void drain() = 0;
  /// Closes it now.
  virtual void cut() = 0;

  /// Where it comes from, for the bound of each address.
  const address_key& from() const noexcept { return from_; }
  bool behind_proxy() const noexcept { return behind_proxy_; }
  time_point idle_since() const noexcept { return idle_since_; }

  boost::intrusive::list_member_hook<> idle_place;  ///< in its loop's list of idle connections

 protected:
  time_point idle_since_{};

 private:
  friend void intrusive_ptr_add_ref(client_connection* of) noexcept { ++of->references_; }
  friend void intrusive_ptr_release(client_connection* of) noexcept {
    if (--of->references_ == 0) delete of;
  }

  const address_key from_;
  const bool behind_proxy_;
  unsigned references_ = 0;
};

}  // namespace strata::server
