#pragma once
/// The queue's tables in both databases.
///
///   edge_purges      what triggers and enqueue_edge_purges add
///   edge_deliveries  the same for each edge, one row a name. Its id rises with each change that joins it, in
///   the
///                    order in which the sender sees them; ids of edge_purges do not commit in their order
///   edge_sender      one row: who sends, by which token, until when; the last id taken from edge_purges; and
///   how
///                    many purges have moved to edge_deliveries
///
/// Each change of the last two is made only with the token of the lease. All of it is READ COMMITTED: under
/// SERIALIZABLE the sender would abort the transactions of writers.
/// Threads: one task at a time for each object.

#include "edge/delivery_plan.hpp"

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::edge_detail {

/// The most purges that wait for one edge before they become one of everything.
inline constexpr std::size_t most_waiting = 10'000;

/// The database's clock in milliseconds since 1970, as SQL.
std::string_view now_of(const database& of) noexcept;
/// The last id that edge_purges gave out, as SQL. `schema` is empty, or ends in a dot.
std::string last_id_of(const database& of, std::string_view schema = {});

class queue_tables {
 public:
  queue_tables(std::shared_ptr<database> source, std::string holder)
      : source_(std::move(source)), holder_(std::move(holder)) {}

  struct waiting {
    bool purges = false;
    bool deliveries = false;
  };
  task<result<waiting>> look();

  struct totals {
    std::uint64_t rows = 0;
    duration oldest{};
  };
  task<result<totals>> count();

  /// Takes or renews the lease. Returns its token; nothing while another holder has it. A lease that ended is
  /// taken under a new token.
  task<result<std::optional<std::int64_t>>> acquire(duration time);
  task<result<void>> release(std::int64_t token);

  /// The deliveries of `edge`, the oldest first.
  task<result<std::vector<queued_purge>>> load(std::string edge);

  struct taken {
    bool lost = false;  ///< the lease
    std::vector<queued_purge> rows;
  };
  /// Moves purges to the deliveries of each of `edges`.
  task<result<taken>> take(std::int64_t token, const std::vector<std::string>& edges);

  /// Replaces every delivery of `edge` by one of everything, and returns it. Nothing if the lease is lost.
  task<result<std::optional<queued_purge>>> collapse(std::int64_t token, std::string edge);

  /// Deletes deliveries. Returns false if the lease is lost.
  task<result<bool>> remove(std::int64_t token, std::string edge, std::vector<std::int64_t> ids);

 private:
  task<result<void>> insert(transaction& open, const std::string& edge,
                            const std::vector<queued_purge>& rows);
  task<result<std::unique_ptr<transaction>>> begin();

  const std::shared_ptr<database> source_;
  const std::string holder_;
};

}  // namespace strata::edge_detail
