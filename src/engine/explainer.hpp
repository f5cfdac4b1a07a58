#pragma once
/// Explains the state of one key in every level and what the next read of it will do; counts what an
/// invalidation would remove.
/// Threads: any.

#include "engine/first_level.hpp"
#include "engine/record_builder.hpp"

namespace strata::detail {

class explainer {
 public:
  /// Lifetime: all outlive it.
  explainer(engine_state& state, const first_level& memory, const record_builder& records) noexcept
      : state_(state), memory_(memory), records_(records) {}

  task<explanation> explain(key key);
  std::vector<value_count> preview(const invalidation& what, const std::vector<std::string>& globs) const;

 private:
  explanation::level explain_memory(const key& key) const;
  explanation::level explain_l2(const key& key, const result<std::optional<stored_value>>& stored,
                                time_point source_watermark) const;
  /// Fills in how `entry` stands to a read by the policy it was stored with.
  void judge(explanation::level& into, const key& key, const record& entry,
             time_point source_watermark) const;

  engine_state& state_;
  const first_level& memory_;
  const record_builder& records_;
};

}  // namespace strata::detail
