#pragma once
/// What a session carries of its last write from the gateway where it wrote to those where it reads:
/// every answer to a write has a mark, as a field and for browsers as a cookie, and who sends it along
/// reads nothing older than that write, whichever gateway answers.
/// Threads: any.

#include "platform/services.hpp"

#include <server/message.hpp>
#include <strata/entity.hpp>

#include <string_view>

namespace platform {

inline constexpr std::string_view mark_field = "Strata-Mark";
inline constexpr std::string_view mark_cookie = "strata_mark";

/// How rows are to be read for the session of `from`, which holds: at least as new as the mark it sends.
/// What is no mark is none. Cost: a look at the request's fields; nothing is parsed without a mark.
strata::read_how how_of_session(const services& in, const strata::server::request& from);

/// The same where nobody need be logged in: a mark counts only with a session, for it costs hits.
strata::read_how how_of(const services& in, const strata::server::request& from);

/// Adds the mark of what has been written so far to the answer to a write.
void add_mark(const services& in, const strata::server::request& from, strata::server::response& to);

}  // namespace platform
