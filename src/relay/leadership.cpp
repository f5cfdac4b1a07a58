#include "relay/leadership.hpp"

#include "relay/column_values.hpp"

#include <utility>

namespace strata::relay_detail {

task<result<leadership::handover>> leadership::claim() {
  sql_parameters current{name_space_};
  auto found = co_await source_->query(
      "SELECT (SELECT id::text FROM strata_outbox.life) AS life, r.term, r.seen::text AS seen, r.overflow, "
      "r.store FROM (SELECT) one LEFT JOIN strata_outbox.relays r ON r.name_space = $1",
      std::move(current));
  if (!found) co_return std::unexpected(std::move(found.error()));
  handover out{.term = 0,
               .seen = text_of(found->at(0, "seen")),
               .life = text_of(found->at(0, "life")),
               .overflow = number_of(found->at(0, "overflow")),
               .store_life = text_of(found->at(0, "store"))};
  sql_parameters next{name_space_, number_of(found->at(0, "term"))};
  auto won = co_await source_->execute(
      "INSERT INTO strata_outbox.relays AS r (name_space, term) VALUES ($1, $2::bigint + 1) "
      "ON CONFLICT (name_space) DO UPDATE SET term = r.term + 1, at = clock_timestamp() "
      "WHERE r.term = $2::bigint RETURNING term",
      std::move(next));
  if (!won) co_return std::unexpected(std::move(won.error()));
  if (!won->empty()) out.term = number_of(won->at(0, "term"));
  co_return out;
}

task<result<bool>> leadership::save(position at) {
  sql_parameters values{name_space_, at.term, std::move(at.seen), at.overflow, std::move(at.store_life)};
  auto saved = co_await source_->execute(
      "UPDATE strata_outbox.relays SET seen = $3::text::pg_snapshot, overflow = $4::bigint, store = "
      "$5::text, "
      "at = clock_timestamp() WHERE name_space = $1 AND term = $2::bigint",
      std::move(values));
  if (!saved) co_return std::unexpected(std::move(saved.error()));
  co_return saved->changed() == 1;
}

}  // namespace strata::relay_detail
