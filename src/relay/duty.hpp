#pragma once
/// Who relays for a name space: a row of `strata_outbox.relays`.
///
/// Nothing depends on there being only one: a mark says the truth whoever writes it
/// (store::advance_watermark). It is so that PostgreSQL is asked by one and not by all. The row counts how
/// often the duty has changed hands; who reads another number than his own has been replaced. It also says
/// from where a successor goes on. Threads: one task at a time.

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace strata::relaying {

class duty {
 public:
  duty(std::shared_ptr<database> source, std::string name_space)
      : source_(std::move(source)), name_space_(std::move(name_space)) {}

  /// From where the one before goes on.
  struct handed_over {
    std::int64_t term = 0;  ///< ours; 0: another was quicker
    std::string seen;       ///< a snapshot; empty: nobody has relayed yet
    std::string life;       ///< of the server that holds this; empty: none has begun
    std::int64_t overflow = 0;
    std::string store_life;  ///< of the store that all before `seen` was told to
  };
  task<result<handed_over>> take();

  /// How far we are. Returns false if we have been replaced.
  struct progress {
    std::int64_t term = 0;
    std::string seen;
    std::int64_t overflow = 0;
    std::string store_life;
  };
  task<result<bool>> move(progress to);

 private:
  const std::shared_ptr<database> source_;
  const std::string name_space_;
};

}  // namespace strata::relaying
