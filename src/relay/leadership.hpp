#pragma once
/// Which process relays for a name space: a row of `strata_outbox.relays`.
///
/// Correctness does not depend on there being one leader: a watermark is true for any writer
/// (store::advance_watermark). Leadership only keeps the other processes from polling PostgreSQL. The row
/// counts the terms; a relay that reads a term other than its own has been replaced. The row also holds the
/// position from which the next leader continues.
/// Threads: one task at a time.

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace strata::relay_detail {

class leadership {
 public:
  leadership(std::shared_ptr<database> source, std::string name_space)
      : source_(std::move(source)), name_space_(std::move(name_space)) {}

  /// The position at which the leader before stopped.
  struct handover {
    std::int64_t term = 0;  ///< ours; 0: another process was quicker
    std::string seen;       ///< a snapshot; empty: no relay has worked yet
    std::string life;       ///< of the server that holds this; empty: none has begun
    std::int64_t overflow = 0;
    std::string store_life;  ///< of the store that has received everything before `seen`
  };
  task<result<handover>> claim();

  /// Saves our position. Returns false if we have been replaced.
  struct position {
    std::int64_t term = 0;
    std::string seen;
    std::int64_t overflow = 0;
    std::string store_life;
  };
  task<result<bool>> save(position at);

 private:
  const std::shared_ptr<database> source_;
  const std::string name_space_;
};

}  // namespace strata::relay_detail
