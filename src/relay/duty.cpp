#include "relay/duty.hpp"

#include "relay/columns.hpp"

#include <utility>

namespace strata::relaying {

task<result<duty::handed_over>> duty::take() {
  sql_parameters which{name_space_};
  auto found = co_await source_->query(
      "SELECT (SELECT id::text FROM strata_outbox.life) AS life, r.term, r.seen::text AS seen, r.overflow, "
      "r.store FROM (SELECT) one LEFT JOIN strata_outbox.relays r ON r.name_space = $1",
      std::move(which));
  if (!found) co_return std::unexpected(std::move(found.error()));
  handed_over out{.term = 0,
                  .seen = text_of(found->at(0, "seen")),
                  .life = text_of(found->at(0, "life")),
                  .overflow = number_of(found->at(0, "overflow")),
                  .store_life = text_of(found->at(0, "store"))};
  sql_parameters wish{name_space_, number_of(found->at(0, "term"))};
  auto won = co_await source_->execute(
      "INSERT INTO strata_outbox.relays AS r (name_space, term) VALUES ($1, $2::bigint + 1) "
      "ON CONFLICT (name_space) DO UPDATE SET term = r.term + 1, at = clock_timestamp() "
      "WHERE r.term = $2::bigint RETURNING term",
      std::move(wish));
  if (!won) co_return std::unexpected(std::move(won.error()));
  if (!won->empty()) out.term = number_of(won->at(0, "term"));
  co_return out;
}

task<result<bool>> duty::move(progress to) {
  sql_parameters values{name_space_, to.term, std::move(to.seen), to.overflow, std::move(to.store_life)};
  auto moved = co_await source_->execute(
      "UPDATE strata_outbox.relays SET seen = $3::text::pg_snapshot, overflow = $4::bigint, store = "
      "$5::text, "
      "at = clock_timestamp() WHERE name_space = $1 AND term = $2::bigint",
      std::move(values));
  if (!moved) co_return std::unexpected(std::move(moved.error()));
  co_return moved->changed() == 1;
}

}  // namespace strata::relaying
