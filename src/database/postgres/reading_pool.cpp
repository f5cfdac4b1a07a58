#include "database/postgres/reading_pool.hpp"

#include "core/text.hpp"
#include "database/postgres/sql_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace strata::detail {

namespace {

error late(const command& of, bool was_sent) {
  return {errc::timeout, fmt::format("{} (in: {})",
                                     was_sent ? "PostgreSQL did not answer in time"
                                              : "no connection for reading was free in time",
                                     shortened(of.text))};
}

}  // namespace

reading_pool::reading_pool(pool_parts& parts) : parts_(&parts), slots_(parts.options.readers) {
}

void reading_pool::adopt(connection_handle first) {
  slots_.front().up =
      pipelined_connection::make(parts_->loop, std::move(first), *this, server_address::role::reading);
}

void reading_pool::add(command_ptr next) {
  waiting_.push_back(std::move(next));
}

void reading_pool::pump() {
  dial_missing();
  send_waiting();
  parts_->arm();
}

void reading_pool::dial_missing() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].up || slots_[i].dialing) continue;
    slots_[i].dialing =
        parts_->dial.dial(server_address::role::reading, parts_->keeper(),
                          [this, i](result<connection_handle> made) { connected(i, std::move(made)); });
  }
}

void reading_pool::connected(std::size_t which, result<connection_handle> made) {
  slots_[which].dialing = false;
  if (made)
    slots_[which].up =
        pipelined_connection::make(parts_->loop, std::move(*made), *this, server_address::role::reading);
  pump();
}

reading_pool::pool_slot* reading_pool::least_busy() {
  pool_slot* best = nullptr;
  for (auto& each : slots_) {
    if (each.up && (best == nullptr || each.up->in_flight() < best->up->in_flight())) best = &each;
  }
  return best != nullptr && best->up->in_flight() < parts_->options.pipeline_depth ? best : nullptr;
}

void reading_pool::send_waiting() {
  const auto none_is_up = [&] {
    return std::ranges::none_of(slots_, [](const pool_slot& each) { return !!each.up; });
  };
  if (!waiting_.empty() && none_is_up()) {
    if (parts_->dial.is_down()) refuse_waiting(parts_->dial.last_failure());
    return;
  }
  std::vector<pool_slot*> touched;
  while (!waiting_.empty()) {
    auto& next = *waiting_.front();
    const bool wanted = next.waiter && next.waiter->is_wanted();
    auto* const to = wanted ? least_busy() : nullptr;
    if (wanted && to == nullptr) break;
    auto taken = std::move(waiting_.front());
    waiting_.pop_front();
    --parts_->waiting;
    if (to != nullptr) {
      to->up->send(std::move(taken));
      if (std::ranges::find(touched, to) == touched.end()) touched.push_back(to);
    }
  }
  for (auto* each : touched) each->up->sync();
}

void reading_pool::answered(pipelined_connection&, command_ptr of, result<sql_rows> rows) {
  finish(*of, std::move(rows));
}

void reading_pool::finish(command& of, result<sql_rows> rows) {
  if (const auto waiter = std::exchange(of.waiter, nullptr)) waiter->set(std::move(rows));
}

void reading_pool::again(pipelined_connection&, command_ptr of) {
  again_.push_back(std::move(of));
}

void reading_pool::synced(pipelined_connection&) {
  requeue(std::exchange(again_, {}));
  send_waiting();
}

void reading_pool::requeue(std::vector<command_ptr> commands) {
  parts_->waiting += commands.size();
  waiting_.insert(waiting_.begin(), std::make_move_iterator(commands.begin()),
                  std::make_move_iterator(commands.end()));
}

void reading_pool::lost(pipelined_connection& from, const error& why) {
  const auto found =
      std::ranges::find_if(slots_, [&](const pool_slot& each) { return each.up.get() == &from; });
  if (found != slots_.end()) drop(*found, why);
  pump();
}

void reading_pool::drop(pool_slot& which, const error& why) {
  const auto gone = std::exchange(which.up, nullptr);
  gone->close();
  auto unanswered = std::exchange(again_, {});
  std::ranges::move(gone->take_all(), std::back_inserter(unanswered));
  std::erase_if(unanswered, [&](command_ptr& each) {
    if (!each->waiter) return true;
    if (++each->lost < 2) return false;
    finish(*each, std::unexpected(why));
    return true;
  });
  requeue(std::move(unanswered));
}

void reading_pool::refuse_waiting(const error& why) {
  parts_->waiting -= waiting_.size();
  for (auto& each : std::exchange(waiting_, {})) finish(*each, std::unexpected(why));
}

void reading_pool::sweep(time_point now) {
  std::erase_if(waiting_, [&](command_ptr& each) {
    if (each->deadline > now) return false;
    --parts_->waiting;
    finish(*each, std::unexpected(late(*each, false)));
    return true;
  });
  for (auto& each : slots_) {
    if (!each.up) continue;
    bool stuck = false;
    bool oldest = true;
    each.up->waiting().each([&](command& of) {
      if (of.deadline + answer_grace <= now) {
        finish(of, std::unexpected(late(of, true)));
        stuck = stuck || oldest;
      }
      oldest = false;
    });
    // The server should have ended its oldest statement by now: it does not respond.
    if (stuck) drop(each, {errc::database_unavailable, "PostgreSQL does not answer"});
  }
  pump();
}

bool reading_pool::needs_time() const noexcept {
  return !waiting_.empty() ||
         std::ranges::any_of(slots_, [](const pool_slot& each) { return !each.up || !each.up->idle(); });
}

void reading_pool::close(const error& why) {
  for (auto& each : slots_) {
    if (!each.up) continue;
    each.up->close();
    for (auto& of : each.up->take_all()) finish(*of, std::unexpected(why));
    each.up.reset();
  }
  for (auto& each : std::exchange(again_, {})) finish(*each, std::unexpected(why));
  refuse_waiting(why);
}

}  // namespace strata::detail
