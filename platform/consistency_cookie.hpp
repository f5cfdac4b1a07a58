#pragma once
/// Read-your-writes across gateways. Every response to a write carries a consistency token, as a field and,
/// for browsers, as a cookie. A request that sends the token back reads nothing older than that write, on
/// whichever gateway it arrives.
/// Threads: any.

#include "platform/services.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>
#include <strata/entity.hpp>
#include <strata/task.hpp>

#include <string_view>

namespace strata::platform {

inline constexpr std::string_view consistency_field = "Strata-Mark";
inline constexpr std::string_view consistency_cookie = "strata_mark";

/// How to read rows for `from`, whose session is known to hold: at least as new as the token it sends.
/// A token that no gateway of this database has issued counts as none. Cost: a look at the request's fields;
/// without a token, no parsing.
strata::read_options session_read(const services& in, const strata::server::request& from);

/// The same where no login is needed. A token then counts only with a valid session, because it costs hits.
/// Cost: without a token, no coroutine frame.
strata::task<strata::read_options> anonymous_read(const services& in, const strata::server::request& from);

/// Adds the token of all writes so far to the response to a write.
void add_consistency_token(const services& in, const strata::server::request& from,
                           strata::server::response& to);

}  // namespace strata::platform
