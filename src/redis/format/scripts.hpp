#pragma once
/// The scripts that run inside Redis: each is one step of the store port and runs as a whole or not at all.
/// docs/formats.md describes the keys they use.
/// Threads: immutable.
///
/// A script is called by the SHA-1 of its text. A server that does not know it (it is new, it was restarted,
/// SCRIPT FLUSH) replies NOSCRIPT; then it is sent the text and keeps it.
///
/// Numbers are Lua's doubles, exact up to 2^53: `last_commit_time`. Scripts compare them as numbers, never as
/// strings, and format them with "%.0f", since tostring rounds to 14 digits.

#include <span>
#include <string>
#include <string_view>

namespace strata::redis {

/// A script's text and the name that the server gives it.
struct script {
  std::string text;
  std::string sha;
  bool publishes = false;  ///< takes the channel as its last argument, after those documented below
};

/// Hex SHA-1 of `text`, as Redis names scripts.
std::string sha1(std::string_view text);

namespace scripts {

/// A script about keys, which needs the clock's time and epoch.
struct of_keys {
  script local_clock;   ///< the clock is the last of the keys
  script remote_clock;  ///< the clock is in another slot of the cluster: time and epoch are arguments
  const script& select(bool has_remote_clock) const noexcept {
    return has_remote_clock ? remote_clock : local_clock;
  }
};

/// Keys: value, lease. Arguments: token, hold in ms, known, mode ("miss": a value is returned
/// instead of a lease; "take": only if the lease is free; "force": also from another holder), epoch.
/// Returns: the value, or [1, counter] if granted, or [0, counter], with 0 for a remote clock.
/// Idempotent: a holder that calls again with its token is granted the lease again.
extern const of_keys lease;

/// Keys: value, lease. Arguments: token, epoch, asof, ttl in ms, the value with its header, "read" if the
/// server reports only keys that the caller has read, origin.
/// Returns: 0 stored, 1 lease lost, 2 below floor, 3 older; an error (OOM).
extern const of_keys fill;

/// Keys: lease. Arguments: token, the value's key, origin. Returns 1 if it ended the lease.
extern const script release;

/// Keys: lease. Arguments: token, hold in ms. Returns 1 if the lease is held, now for so long.
extern const script renew;

/// Keys: leases and values, each lease before its value. Arguments: at_least, mode ("remove", "expire",
/// "take": removes one value and returns it, or "sweep": removes values older than `at_least`, which is the
/// floor), epoch, origin.
/// With a remote clock `at_least` is the floor in every mode.
/// Returns: [floor, values removed], and the value that was taken.
extern const of_keys invalidate;

/// Keys: value. Arguments: ttl in ms, its end as the header holds it, epoch. Returns 1 if the value exists.
extern const of_keys touch;

// Scripts at the clock. A *view* is the run id that the caller believes in, or its counterpart for the
// masters of a cluster. If the clock holds another view, the script changes nothing and returns the error
// VIEW. An empty view is always right.

/// Keys: clock. Arguments: known, mode ("time", or "floor": increments the counter, to `known` at least),
/// view. Returns: [counter, epoch].
extern const script read_clock;

/// Keys: clock, floors. Arguments: at_least, view, the fields, origin. Returns the floor.
extern const script raise;

/// Keys: clock, floors. Arguments: view, field and asof of each, origin. Returns the counter.
extern const script restore;

/// Keys: clock. Arguments: at_least, view, origin. Ends every lease and voids every value, by a new
/// epoch. Returns [floor, epoch].
extern const script clear;

/// Keys: clock. Arguments: known, epoch known, view, mode ("adopt": a view that differs from the clock's
/// begins a new epoch, an empty one only if the clock has none; "keep": as the other scripts), origin.
/// Returns: [epoch, counter, counter before, the server's time in ms, 1 if the epoch is new, watermark,
/// the watermark before].
extern const script heartbeat;

/// Keys: clock. Arguments: the watermark that was read, and its life; the first empty: reads only.
/// Returns: [1 if the watermark was that one, and then it is advanced; else 0, watermark, life].
extern const script watermark;

/// Keys: bucket. Arguments: µs a request, requests at once, taken, age of the first taken in µs, wanted.
/// Charges `taken` in any case, and `wanted` if all of it fits (strata/rate_limit_store.hpp). Times are by
/// the server's clock. Returns: [1 if `wanted` was charged, µs until the bucket is full].
extern const script charge;

/// Every script with its name.
struct named {
  std::string_view name;
  const script& which;
};
std::span<const named> all();

}  // namespace scripts

}  // namespace strata::redis
