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
  const auto same =
      std::ranges::find_if(writes_, [&](const auto& each) { return each->key() == write->key(); });
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
  for (const auto& each : writes_) keys.push_back(each->key());
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

/// Applies a commit to the cache. Tags go first; tickets already protect the keys.
task<> unit_of_work::tell(std::vector<result<sql_rows>> rows) {
  co_await cache_->remove_by_tags(tags_);
  auto gone = forgotten_;
  try {
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      const bool holds = co_await writes_[i]->after_commit(*cache_, &rows[i]);
      if (!holds) gone.push_back(writes_[i]->key());
    }
  } catch (...) {  // a value cannot be encoded, or no memory: the write itself stands
    gone = written_keys();
  }
  if (!gone.empty()) co_await cache_->remove(std::move(gone));
}

task<result<void>> unit_of_work::commit() {
  for (auto& each : writes_) co_await each->before_commit(*cache_);
  auto done = co_await commit_and_read();
  if (done) {
    co_await tell(std::move(*done));
    co_return result<void>();
  }
  const auto why = done.error().code;
  co_await cache_->remove(written_keys());
  // A refused transaction is certainly not committed; no query has read any of it.
  if (why != errc::constraint && why != errc::contention) co_await cache_->remove_by_tags(tags_);
  co_return std::unexpected(std::move(done.error()));
}

task<result<void>> unit_of_work::rollback() {
  return transaction_->rollback();
}

}  // namespace strata
