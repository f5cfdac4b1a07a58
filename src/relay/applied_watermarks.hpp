#pragma once
/// The watermarks that this relay wrote lately, and the position of each in the outbox. A store that comes up
/// again with one of them has received everything before that position, so only the rest is applied again.
/// Threads: one at a time.
///
/// Only the very watermark proves that. A store's server may have been replaced while another relay still
/// wrote to it, and then a larger number proves nothing.

#include <strata/time.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace strata::relay_detail {

class applied_watermarks {
 public:
  /// At `at` we wrote `watermark`, after applying everything that the snapshot `seen` sees.
  void add(time_point at, std::uint64_t watermark, const std::string& seen);

  /// A snapshot whose changes had been applied when `watermark` was written; nothing if we do not know.
  std::optional<std::string> applied_before(std::uint64_t watermark) const;

  void clear() { written_.clear(); }

  /// At 100 turns a second they reach back 40 s: longer than a replica may lag that takes over.
  static constexpr std::size_t most = 4096;

 private:
  struct written {
    std::uint64_t watermark = 0;
    time_point snapshot_at{};
    std::shared_ptr<const std::string> seen;  ///< shared by some watermarks: an older one is as right
  };
  std::deque<written> written_;
};

}  // namespace strata::relay_detail
