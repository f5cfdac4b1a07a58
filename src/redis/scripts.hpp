#pragma once
/// What runs inside Redis: each script is one of the store port's steps, done as a whole or not at all.
/// docs/formats.md says how the keys they work on look.
/// Threads: immutable.
///
/// A script is called by the SHA-1 of its text; a server that does not know it (it is new, it was
/// restarted, SCRIPT FLUSH) answers NOSCRIPT and is sent the text, which it then keeps.
///
/// Numbers are the doubles of Lua, exact up to 2^53: `last_commit_time`. They are compared as numbers,
/// never as strings, and written with "%.0f", since tostring rounds to 14 digits.

#include "redis/client.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// A script's text and the name that the server gives it.
struct script {
  std::string text;
  std::string sha;
};

/// Hex SHA-1 of `text`, as Redis names scripts by.
std::string sha1(std::string_view text);

namespace scripts {

/// Keys: value, lease, clock. Arguments: token, hold in ms, known, mode ("miss": a value is returned
/// instead of a lease; "take": only if the lease is free; "force": whoever holds it).
/// Returns: the value, or [1 if granted else 0, counter].
/// Harmless twice: who holds the lease with this token is granted it again.
extern const script lease;

/// Keys: value, lease, clock. Arguments: token, epoch, asof, ttl in ms, the value with its header,
/// channel, origin. Returns: 0 stored, 1 lease lost, 2 below floor, 3 older; an error (OOM).
extern const script fill;

/// Keys: value, lease. Arguments: token, channel, origin. Returns 1 if it ended the lease.
extern const script release;

/// Keys: value and lease of each key, then the clock. Arguments: at_least, mode ("remove", "expire",
/// or "sweep": removes what is older than `at_least`, which is the floor), channel, origin.
/// Returns: [floor, values removed].
extern const script invalidate;

/// Keys: value, clock. Arguments: ttl in ms, its end as the header holds it. Returns 1 if it was there.
extern const script touch;

/// Keys: clock, floors. Arguments: at_least, channel, origin, then the fields. Returns the floor.
extern const script raise;

/// Keys: clock, floors. Arguments: channel, origin, then field and asof of each. Returns the counter.
extern const script restore;

/// Keys: clock. Arguments: at_least, channel, origin. Ends every lease and voids every value, by a new
/// epoch. Returns [floor, epoch].
extern const script clear;

/// Keys: clock. Arguments: known, epoch known, the server's run id, channel, origin. A run id other than
/// the one written down begins a new epoch; an empty one does only if there is none.
/// Returns: [epoch, counter, counter before, the server's time in ms, 1 if the epoch is new, mark, the mark
/// before].
extern const script beat;

/// Keys: clock. Arguments: the mark that was seen, and its life; the first empty: only reads.
/// Returns: [1 if it was that one, and then it is moved; else 0, mark, life].
extern const script mark;

/// Every script, with its name, for the documentation and the tests.
struct named {
  std::string_view name;
  const script& which;
};
std::span<const named> all();

}  // namespace scripts

/// One call of a script, with all it needs: it may have to be sent twice.
struct script_call {
  const script* which;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

/// Calls a script. Returns and errors: as `client::execute`.
task<result<resp::value>> run(client& over, script_call what, request_options how = {});

/// Calls scripts in one round trip, two if the server knew one of them not.
/// Errors: as `client::execute_many`; each reply may be an error.
task<result<std::vector<resp::value>>> run_many(client& over, std::vector<script_call> what,
                                                request_options how = {});

}  // namespace strata::redis
