#pragma once
/// Reading events from the outbox: changes of tables whose rules name one, and what was published.
/// Threads: one task at a time.

#include "relay/outbox_reader.hpp"

#include <strata/events.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace strata::relaying {

/// Some of the events that were committed since a cursor.
struct event_page {
  std::string seen;      ///< the snapshot of the first page
  std::string life;      ///< as in `glance`
  bool too_old = false;  ///< the outbox may have emptied parts that the cursor had not seen
  bool more = false;     ///< there is another page, behind `last`
  std::int64_t last = 0;
  std::vector<domain_event> events;  ///< in the order of `place`
};

class event_reader {
 public:
  explicit event_reader(std::shared_ptr<database> source) : source_(std::move(source)) {}

  /// The first page (`upto` is empty), or what is behind `behind` of what the snapshot `upto` sees.
  /// Errors: as database::query; corrupt_entry.
  task<result<event_page>> read(cursor after, std::string upto, std::int64_t behind);

  /// Where the feed `name` left off; if nobody has that name, it begins now.
  task<result<std::string>> where(std::string name);
  task<result<void>> move(std::string name, std::string seen);

 private:
  struct told_rule {
    std::string event;
    std::vector<std::string> columns;
  };
  task<result<void>> load_rules();

  const std::shared_ptr<database> source_;
  std::map<std::int64_t, told_rule> rules_;
};

}  // namespace strata::relaying
