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

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// A script's text and the name that the server gives it.
struct script {
  std::string text;
  std::string sha;
  bool tells = false;  ///< takes the channel on which it tells as its last argument, after those named below
};

/// Hex SHA-1 of `text`, as Redis names scripts by.
std::string sha1(std::string_view text);

namespace scripts {

/// A script about keys, which needs the clock's time and epoch.
struct of_keys {
  script beside;  ///< the clock is in reach: the last of the keys
  script apart;   ///< it is in another slot of the cluster: time and epoch are the arguments
  const script& when(bool clock_is_apart) const noexcept { return clock_is_apart ? apart : beside; }
};

/// Keys: value, lease. Arguments: token, hold in ms, known, mode ("miss": a value is returned
/// instead of a lease; "take": only if the lease is free; "force": whoever holds it), epoch.
/// Returns: the value, or [1 if granted else 0, counter].
/// Harmless twice: who holds the lease with this token is granted it again.
extern const of_keys lease;

/// Keys: value, lease. Arguments: token, epoch, asof, ttl in ms, the value with its header, "read" if its
/// caller is told only of what it has read, origin.
/// Returns: 0 stored, 1 lease lost, 2 below floor, 3 older; an error (OOM).
extern const of_keys fill;

/// Keys: lease. Arguments: token, the value's key, origin. Returns 1 if it ended the lease.
extern const script release;

/// Keys: leases and values, each lease before its value. Arguments: at_least, mode ("remove", "expire",
/// or "sweep": removes what is older than `at_least`, which is the floor), epoch, origin.
/// Apart from the clock `at_least` is the floor, whatever the mode.
/// Returns: [floor, values removed].
extern const of_keys invalidate;

/// Keys: value. Arguments: ttl in ms, its end as the header holds it, epoch. Returns 1 if it was there.
extern const of_keys touch;

// The scripts at the clock. A *view* is the run id that counts for their caller, or what stands for
// those of a cluster; if it is not the one written down, they do nothing and answer the error VIEW.
// Empty: any is right.

/// Keys: clock. Arguments: known, mode ("time", or "floor": counts on, to `known` at least), view.
/// Returns: [counter, epoch].
extern const script ask;

/// Keys: clock, floors. Arguments: at_least, view, the fields, origin. Returns the floor.
extern const script raise;

/// Keys: clock, floors. Arguments: view, field and asof of each, origin. Returns the counter.
extern const script restore;

/// Keys: clock. Arguments: at_least, view, origin. Ends every lease and voids every value, by a new
/// epoch. Returns [floor, epoch].
extern const script clear;

/// Keys: clock. Arguments: known, epoch known, view, mode ("adopt": another view than the one written
/// down begins a new epoch, an empty one only if there is none; "keep": as the others), origin.
/// Returns: [epoch, counter, counter before, the server's time in ms, 1 if the epoch is new, mark,
/// the mark before].
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

}  // namespace strata::redis
