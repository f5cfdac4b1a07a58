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
      std::ranges::find_if(writes_, [&](const auto& each) { return each->where() == write->where(); });
  if (same != writes_.end()) {
    *same = std::move(write);
  } else {
    writes_.push_back(std::move(write));
  }
}

void unit_of_work::forget(key where) {
  forgotten_.push_back(std::move(where));
}

std::vector<key> unit_of_work::written_keys() const {
  auto keys = forgotten_;
  for (const auto& each : writes_) keys.push_back(each->where());
  return keys;
}

task<result<void>> unit_of_work::commit() {
  for (auto& each : writes_) co_await each->before_commit(*cache_);
  auto done = co_await transaction_->commit();
  if (!done) {
    co_await cache_->remove(written_keys());
    co_return done;
  }
  bool settled = true;
  try {
    for (auto& each : writes_) co_await each->after_commit(*cache_);
  } catch (...) {  // a value that cannot be encoded, no memory: the write itself stands
    settled = false;
  }
  if (!settled || !forgotten_.empty()) co_await cache_->remove(settled ? forgotten_ : written_keys());
  co_return done;
}

task<result<void>> unit_of_work::rollback() {
  return transaction_->rollback();
}

}  // namespace strata
