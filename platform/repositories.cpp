#include "platform/repositories.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace strata::platform {

repositories::repositories(strata::database& source, strata::cache& target, strata::event_bus& bus,
                           entity_table entities, const strata::clock& time)
    : source_(&source), cache_(&target), bus_(&bus), time_(&time), entities_(std::move(entities)) {
  for (const auto& each : entities_.definitions()) {
    if (each.make_rows == nullptr) continue;
    if (rows_.size() <= each.index) rows_.resize(each.index + 1);
    rows_[each.index] = each.make_rows(entities_, source, target, time);
  }
}

strata::task<strata::result<strata::unit_of_work>> repositories::begin() const {
  return strata::unit_of_work::begin(*source_, *cache_);
}

strata::task<strata::result<void>> repositories::commit(strata::unit_of_work work,
                                                        std::vector<strata::domain_event> events) const {
  auto done = co_await work.commit();
  if (!done) {
    // A commit without a reply may have happened, and no event says what it changed.
    const bool refused =
        done.error().code == strata::errc::constraint || done.error().code == strata::errc::contention;
    if (!refused) co_await cache_->clear();
    co_return done;
  }
  for (auto& each : events) co_await bus_->publish(std::move(each));
  co_return done;
}

strata::task<strata::result<bool>> repositories::empty() const {
  std::string conditions;
  for (const auto& each : entities_.definitions()) {
    if (!each.change) continue;
    if (!conditions.empty()) conditions += " OR ";
    conditions += fmt::format("EXISTS (SELECT 1 FROM {})", each.change->table);
  }
  auto rows =
      co_await source_->query(fmt::format("SELECT CASE WHEN {} THEN 1 ELSE 0 END AS filled", conditions), {});
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return std::get<std::int64_t>(rows->at(0, "filled")) == 0;
}

}  // namespace strata::platform
