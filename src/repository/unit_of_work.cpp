#include <strata/unit_of_work.hpp>

#include <algorithm>

namespace strata {

task<result<unit_of_work>> unit_of_work::begin(database& source, cache& target) {
  auto open = co_await source.begin();
  if (!open) co_return std::unexpected(std::move(open.error()));
  co_return unit_of_work(target, std::move(*open));
}

task<result<unit_of_work>> unit_of_work::begin_again(database& source, cache& target) {
  auto open = co_await source.begin_again();
  if (!open) co_return std::unexpected(std::move(open.error()));
  co_return unit_of_work(target, std::move(*open));
}

unit_of_work::unit_of_work(cache& target, std::unique_ptr<transaction> open)
    : cache_(&target), transaction_(std::move(open)) {
}

unit_of_work::unit_of_work(unit_of_work&&) noexcept = default;
unit_of_work& unit_of_work::operator=(unit_of_work&&) noexcept = default;
unit_of_work::~unit_of_work() = default;

task<result<sql_rows>> unit_of_work::execute(std::string_view statement, sql_parameters parameters) {
  return transaction_->execute(statement, std::move(parameters));
}

void unit_of_work::record(std::unique_ptr<detail::pending_write> write) {
  const auto same = std::ranges::find_if(
      writes_, [&](const auto& each) { return each->target().key == write->target().key; });
  if (same != writes_.end()) {
    *same = std::move(write);
  } else {
    writes_.push_back(std::move(write));
  }
}

void unit_of_work::forget(strata::key key) {
  forgotten_.push_back(std::move(key));
}

std::vector<key> unit_of_work::written_keys() const {
  auto keys = forgotten_;
  for (const auto& each : writes_) keys.push_back(each->target().key);
  return keys;
}

void unit_of_work::changes(std::string_view table) {
  auto tag = table_tag(table);
  if (std::ranges::find(tags_, tag) == tags_.end()) tags_.push_back(std::move(tag));
}

task<result<std::vector<result<sql_rows>>>> unit_of_work::commit_and_read() {
  std::vector<sql_query> reads;
  std::vector<std::size_t> readers;
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    auto read = writes_[i]->read_back();
    if (!read) continue;
    reads.push_back(std::move(*read));
    readers.push_back(i);
  }
  std::vector<result<sql_rows>> by_write(writes_.size(), fail(errc::statement, "nothing was read"));
  if (reads.empty()) {
    auto done = co_await transaction_->commit();
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return by_write;
  }
  auto found = co_await transaction_->commit_and_read(std::move(reads));
  if (!found) co_return std::unexpected(std::move(found.error()));
  for (std::size_t i = 0; i < readers.size(); ++i) by_write[readers[i]] = std::move((*found)[i]);
  co_return by_write;
}

/// The tags go first: an invalidation between a ticket and its value would void the ticket.
task<> unit_of_work::update_cache(std::vector<cache::write_ticket> tickets,
                                  std::vector<result<sql_rows>> rows) {
  invalidation gone{.keys = forgotten_, .tags = tags_};
  if (!gone.empty()) co_await cache_->invalidate(std::move(gone));
  std::vector<key> unknown;
  try {
    std::vector<cache::write_ticket> held;
    std::vector<detail::any_key> targets;
    std::vector<detail::any_value> values;
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      auto value = writes_[i]->value(rows[i]);
      if (!value) {
        unknown.push_back(writes_[i]->target().key);
        continue;
      }
      held.push_back(std::move(tickets[i]));
      targets.push_back(writes_[i]->target());
      values.push_back(std::move(*value));
    }
    if (!held.empty()) co_await cache_->set_all_committed(std::move(held), targets, std::move(values));
  } catch (...) {  // a value that cannot be encoded, no memory: the write itself stands
    unknown = written_keys();
  }
  if (!unknown.empty()) co_await cache_->remove(std::move(unknown));
}

unit_of_work::unfinished_commit::~unfinished_commit() {
  if (of_ != nullptr) of_->cache_->invalidate_behind({.keys = of_->written_keys(), .tags = of_->tags_});
}

task<result<void>> unit_of_work::commit() {
  std::vector<key> keys;
  for (const auto& each : writes_) keys.push_back(each->target().key);
  auto tickets = co_await cache_->take_tickets(std::move(keys));
  unfinished_commit committing(*this);
  auto done = co_await commit_and_read();
  committing.ended();
  if (done) {
    co_await update_cache(std::move(tickets), std::move(*done));
    co_return result<void>();
  }
  // A commit that was refused has not happened for sure, and no query has read anything of it.
  const auto why = done.error().code;
  const bool refused = why == errc::constraint || why == errc::contention;
  invalidation gone{.keys = written_keys(), .tags = refused ? std::vector<std::string>() : tags_};
  co_await cache_->invalidate(std::move(gone));
  co_return std::unexpected(std::move(done.error()));
}

task<result<void>> unit_of_work::rollback() {
  return transaction_->rollback();
}

}  // namespace strata
