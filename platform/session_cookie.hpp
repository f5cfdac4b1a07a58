#pragma once
/// How requests carry a session, and which of them a browser sends for another site.
/// Threads: pure functions.

#include "platform/settings.hpp"

#include <server/request.hpp>

#include <string>
#include <string_view>

namespace strata::platform {

/// `__Host-strata_session` if clients connect with TLS, so that no other host of the domain and no connection
/// in clear can set it. Else `strata_session`.
std::string_view session_cookie(const auth_settings& auth) noexcept;

/// The token that a request carries.
struct sent_token {
  std::string_view text;  ///< empty: none
  bool by_cookie = false;
};

/// Bearer (in any case), else the cookie. A request with another scheme carries none.
sent_token token_sent_with(const auth_settings& auth, const strata::server::request& from);

/// The Set-Cookie line that gives a browser `token`; empty: takes it away.
std::string session_cookie_line(std::string_view token, const auth_settings& auth);

/// True if a browser sent the request for a page of another origin (Fetch Metadata; RFC 6454). Browsers send
/// a cookie with such requests too, so it must not change anything. False for what is no browser: it sends
/// neither Sec-Fetch-Site nor Origin.
bool is_cross_site(const auth_settings& auth, const strata::server::request& from);

}  // namespace strata::platform
