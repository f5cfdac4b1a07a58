#include "database/postgres/writing_pool.hpp"

#include "core/text.hpp"
#include "database/postgres/sql_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace strata::detail {

writing_pool::writing_pool(pool_parts& parts, std::function<writer_loan(std::uint64_t)> lend)
    : parts_(&parts), lend_(std::move(lend)), slots_(parts.options.writers) {
}

void writing_pool::complete(write_job& job, result<sql_rows> rows) {
  if (const auto waiter = std::exchange(job.waiter, nullptr)) {
    waiter->set(std::move(rows));
  } else if (const auto borrower = std::exchange(job.borrower, nullptr)) {
    borrower->set(std::unexpected(std::move(rows.error())));
  }
}

void writing_pool::add(write_job_ptr job) {
  if (job->loan == 0) {
    waiting_.push_back(std::move(job));
    return;
  }
  --parts_->waiting;
  auto* const on = slot_of_loan(job->loan);
  if (on != nullptr && !on->job) return run(*on, std::move(job));
  const auto why = ended_.find(job->loan);
  complete(*job,
           std::unexpected(why != ended_.end()
                               ? why->second
                               : error{errc::statement, "a statement of this transaction is still running"}));
}

void writing_pool::pump() {
  if (!waiting_.empty()) drop_refusing(std::chrono::steady_clock::now());
  dial_missing();
  while (!waiting_.empty()) {
    auto& next = *waiting_.front();
    const bool wanted =
        (next.waiter && next.waiter->is_wanted()) || (next.borrower && next.borrower->is_wanted());
    const auto free = std::ranges::find_if(slots_, &pool_slot::available);
    if (wanted && free == slots_.end()) break;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    --parts_->waiting;
    if (!wanted) continue;
    if (job->borrower) {
      lend_to(*free, *job);
    } else {
      run(*free, std::move(job));
    }
  }
  const bool none_is_up = std::ranges::none_of(slots_, [](const pool_slot& each) { return !!each.up; });
  if (!waiting_.empty() && none_is_up && parts_->dial.is_down()) refuse_waiting(parts_->dial.last_failure());
  parts_->arm();
}

// A read-only session stays one until it ends, even if its role may write again, and the next one may reach
// another server. So a connection that refuses writes serves none that comes later; while the database is
// read-only, each writer's connection is replaced once in `refusal_pause`, and in between it reports why.
void writing_pool::drop_refusing(time_point now) {
  for (auto& each : slots_) {
    if (each.available() && each.up->refuses_writes() && each.connected_at + refusal_pause <= now) {
      drop(each, {errc::database_unavailable, "PostgreSQL takes no writes"});
    }
  }
}

void writing_pool::dial_missing() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].up || slots_[i].dialing) continue;
    slots_[i].dialing =
        parts_->dial.dial(server_address::role::writing, parts_->keeper(),
                          [this, i](result<connection_handle> made) { connected(i, std::move(made)); });
  }
}

void writing_pool::connected(std::size_t which, result<connection_handle> made) {
  slots_[which].dialing = false;
  if (made) {
    slots_[which].up =
        pipelined_connection::make(parts_->loop, std::move(*made), *this, server_address::role::writing);
    slots_[which].connected_at = std::chrono::steady_clock::now();
  }
  pump();
}

void writing_pool::lend_to(pool_slot& which, write_job& job) {
  which.loan = ++last_loan_;
  which.lent_at = std::chrono::steady_clock::now();
  const auto borrower = std::exchange(job.borrower, nullptr);
  borrower->set(lend_(which.loan));
}

void writing_pool::run(pool_slot& on, write_job_ptr job) {
  on.failed.reset();
  on.rows = {};
  on.job = std::move(job);
  for (auto& each : on.job->commands) on.up->send(std::move(each));
  on.job->commands.clear();
  ++on.job->tries;
  on.up->sync();
}

void writing_pool::answered(pipelined_connection& from, command_ptr of, result<sql_rows> rows) {
  auto* const which = slot_of(from);
  if (which == nullptr || !which->job) return;
  if (of->what == command::role::read_back) {
    which->job->read_back->push_back(std::move(rows));
  } else if (!rows) {
    if (!which->failed) which->failed = std::move(rows.error());
  } else if (of->what == command::role::statement) {
    which->rows = std::move(*rows);
  }
  which->job->commands.push_back(std::move(of));
}

void writing_pool::again(pipelined_connection& from, command_ptr of) {
  // Behind an error it is that error's. Else its plan was stale, and the transaction has failed.
  auto* const which = slot_of(from);
  if (which == nullptr || !which->job) return;
  error why{errc::contention, fmt::format("the schema changed under the statement; run it again (in: {})",
                                          shortened(of->text))};
  if (of->what == command::role::read_back) {
    which->job->read_back->push_back(std::unexpected(std::move(why)));
  } else if (!which->failed) {
    which->failed = std::move(why);
  }
  which->job->commands.push_back(std::move(of));
}

void writing_pool::synced(pipelined_connection& from) {
  auto* const which = slot_of(from);
  if (which == nullptr) return;
  if (which->rolling_back) {
    which->rolling_back = false;
  } else {
    finish(*which);
  }
  pump();
}

void writing_pool::finish(pool_slot& which) {
  auto job = std::move(which.job);
  if (job->unlimited) which.lent_at = std::chrono::steady_clock::now();
  const bool ends = job->loan == 0 || job->ends_loan;
  if (ends) {
    if (which.loan != 0) ended_.emplace(which.loan, error{errc::statement, "the transaction has ended"});
    which.loan = 0;
    clean_up(which);
  }
  if (which.failed && which.failed->code == errc::contention && job->loan == 0 && job->tries < most_tries) {
    ++parts_->waiting;
    waiting_.push_front(std::move(job));
  } else if (which.failed) {
    complete(*job, std::unexpected(std::move(*which.failed)));
  } else {
    complete(*job, std::move(which.rows));
  }
}

void writing_pool::clean_up(pool_slot& which) {
  if (!which.up || !which.up->in_transaction()) return;
  auto undo = std::make_unique<command>();
  undo->text = "ROLLBACK";
  undo->what = command::role::control;
  undo->kept = false;
  undo->deadline = std::chrono::steady_clock::now() + parts_->options.statement_timeout;
  which.rolling_back = true;
  which.up->send(std::move(undo));
  which.up->sync();
}

void writing_pool::give_back(std::uint64_t loan) {
  ended_.erase(loan);
  auto* const which = slot_of_loan(loan);
  if (which == nullptr) return;
  if (which->job) {
    parts_->dial.cancel(which->up->cancel());
    drop(*which, {errc::database_unavailable, "the transaction was given up"});
    ended_.erase(loan);
  } else {
    which->loan = 0;
    clean_up(*which);
  }
  pump();
}

void writing_pool::lost(pipelined_connection& from, const error& why) {
  if (auto* const which = slot_of(from)) drop(*which, why);
  pump();
}

void writing_pool::drop(pool_slot& which, const error& why) {
  const auto gone = std::exchange(which.up, nullptr);
  gone->close();
  auto job = std::move(which.job);
  if (which.loan != 0) ended_.emplace(std::exchange(which.loan, 0), why);
  which.rolling_back = false;
  if (!job) return;
  // An error that was answered is the cause; a COMMIT that was not may have happened.
  complete(*job, std::unexpected(which.failed ? *which.failed : why));
}

void writing_pool::refuse_waiting(const error& why) {
  parts_->waiting -= waiting_.size();
  for (auto& each : std::exchange(waiting_, {})) complete(*each, std::unexpected(why));
}

void writing_pool::sweep(time_point now) {
  std::erase_if(waiting_, [&](write_job_ptr& each) {
    if (each->deadline > now) return false;
    --parts_->waiting;
    complete(*each, fail(errc::timeout, "no connection for writing was free in time"));
    return true;
  });
  for (auto& each : slots_) {
    if (!each.up) continue;
    const bool late = each.job && !each.job->unlimited && each.job->deadline + answer_grace <= now;
    const bool held = each.loan != 0 && !(each.job && each.job->unlimited) &&
                      each.lent_at + parts_->options.transaction_timeout <= now;
    bool stuck = false;
    if (each.rolling_back) {
      each.up->waiting().each([&](command& of) { stuck = stuck || of.deadline + answer_grace <= now; });
    }
    if (!late && !held && !stuck) continue;
    if (!each.up->idle()) parts_->dial.cancel(each.up->cancel());
    drop(each, held ? error{errc::timeout, "the transaction was open for too long and was rolled back"}
                    : error{errc::timeout, "PostgreSQL did not answer in time"});
  }
  pump();
}

bool writing_pool::needs_time() const noexcept {
  return !waiting_.empty() ||
         std::ranges::any_of(slots_, [](const pool_slot& each) { return !each.available(); });
}

void writing_pool::close(const error& why) {
  for (auto& each : slots_) {
    if (each.up) drop(each, why);
  }
  refuse_waiting(why);
}

writing_pool::pool_slot* writing_pool::slot_of(const pipelined_connection& which) {
  const auto found =
      std::ranges::find_if(slots_, [&](const pool_slot& each) { return each.up.get() == &which; });
  return found == slots_.end() ? nullptr : &*found;
}

writing_pool::pool_slot* writing_pool::slot_of_loan(std::uint64_t number) {
  const auto found = std::ranges::find(slots_, number, &pool_slot::loan);
  return found == slots_.end() ? nullptr : &*found;
}

}  // namespace strata::detail
