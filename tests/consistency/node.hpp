#pragma once
/// One engine process of a run, with the parts of a gateway: a cache over the store, repositories and a query
/// cache on PostgreSQL, and a relay. It logs each of its reads and writes.
/// Threads: any, for reads and writes.

#include "tests/consistency/record.hpp"
#include "tests/consistency/tables.hpp"
#include "tests/consistency/watched_database.hpp"

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace strata::consistency {

struct node_setup {
  std::string folder;  ///< of the board and the logs
  unsigned index = 0;
  unsigned incarnation = 0;  ///< how many processes with this index ran before
  std::string store_url;
  std::string database_url;
  std::uint64_t seed = 0;
};

inline std::string board_file(const std::string& folder) {
  return folder + "/board";
}
inline std::string log_file(const std::string& folder, unsigned index, unsigned incarnation) {
  return folder + "/log-" + std::to_string(index) + '-' + std::to_string(incarnation);
}

/// The reading session (0: none) and the minimum it must see.
struct reader {
  std::uint16_t session = 0;
  commit_time at_least = 0;
};

class node {
 public:
  /// Throws std::runtime_error if the database is unreachable.
  explicit node(node_setup setup);
  ~node();

  board& shared() noexcept { return *board_; }
  const node_setup& setup() const noexcept { return setup_; }

  void read_row(reader who, std::uint32_t key);
  /// Reads from a source that waits `seconds` after it has taken its snapshot.
  void read_slowly(reader who, std::uint32_t key, double seconds);
  void read_batch(reader who, std::span<const std::uint32_t> keys);
  void read_list(reader who, std::uint32_t group);
  void read_query(reader who, std::uint32_t group);

  /// Changes the row, or inserts it; `gone`: deletes it. True if the write is known to be committed.
  bool write(std::uint16_t session, std::uint32_t key, bool gone);

  consistency_token latest_write() const { return cache_.latest_write(); }
  commit_time required_asof(const consistency_token& mark) { return cache_.required_asof(mark); }

  /// Stores a value that is never read.
  void read_ballast(std::uint32_t number);

  /// Logs the cached value of every key, and the result of a normal read.
  void look_at_all();

  /// Call every few milliseconds: samples the lease and the counters, releases delayed replies.
  void tick();
  bool serves() const;

 private:
  using rows_repository = repository<item, "row:{id}">;
  using lines = std::vector<line>;

  const key_space& space() const { return board_->plan.keys; }
  const rows_repository& rows_of(std::uint32_t key) const { return space().is_bulk(key) ? bulk_ : items_; }
  typed_key<item> key_of_row(std::uint32_t key) const { return rows_(id_of(key)); }
  record& write_down(what kind, reader who, std::uint32_t key, nanoseconds begun);
  template <class T>
  void outcome(record& into, const lookup<T>& found, std::int64_t stamp, what kind, nanoseconds ended);
  void write_down_row(what kind, reader who, std::uint32_t key, nanoseconds begun, const lookup<item>& found);
  void write_down_lines(what kind, reader who, std::uint32_t group, nanoseconds begun,
                        const lookup<lines>& found);
  task<result<lines>> load_list(std::uint32_t group);
  task<result<std::optional<item>>> load_slowly(std::uint32_t key, double seconds);
  task<result<std::vector<std::optional<item>>>> load_some(std::vector<std::uint32_t> keys);
  task<result<bool>> change(unit_of_work work, std::uint32_t key, std::int64_t token, bool gone);

  node_setup setup_;
  shared_board board_;
  log log_;
  std::shared_ptr<database> plain_;
  watched_database database_;
  std::shared_ptr<testing::faulty_store> store_;
  cache cache_;
  entity<item, "row:{id}"> rows_;
  entity<lines, "list:{moment}"> lists_;
  entity<std::string, "ballast:{n}"> ballast_;
  rows_repository items_, bulk_;
  query_cache queries_;
  cached_query<line> bulk_lines_;
  std::atomic<std::int64_t> tokens_;
  relay relay_;
  nanoseconds let_go_ = 0;  ///< when delayed replies are released next
};

}  // namespace strata::consistency
