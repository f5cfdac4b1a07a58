#pragma once
/// Reads events from the outbox: changes of tables whose rules name an event, and published events.
/// Threads: one task at a time.

#include "relay/outbox_reader.hpp"

#include <strata/events.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace strata::relay_detail {

/// A page of the events that were committed since a cursor.
struct event_page {
  std::string seen;      ///< the snapshot of the first page
  std::string life;      ///< as in `poll_result`
  bool too_old = false;  ///< the outbox may have emptied parts that the cursor had not seen
  bool more = false;     ///< there is another page, after `last`
  std::int64_t last = 0;
  std::vector<domain_event> events;  ///< in the order of `place`
};

class event_reader {
 public:
  explicit event_reader(std::shared_ptr<database> source) : source_(std::move(source)) {}

  /// The first page (`upto` is empty), or the next one: what the snapshot `upto` sees after place
  /// `after_place`. Errors: as database::query; corrupt_entry.
  task<result<event_page>> read(cursor after, std::string upto, std::int64_t after_place);

  /// The saved cursor of the feed `name`; a new name begins now.
  task<result<std::string>> saved_cursor(std::string name);
  task<result<void>> save_cursor(std::string name, std::string seen);

 private:
  struct event_rule {
    std::string event;
    std::vector<std::string> columns;
  };
  task<result<void>> load_rules();

  const std::shared_ptr<database> source_;
  std::map<std::int64_t, event_rule> rules_;
};

}  // namespace strata::relay_detail
