#include "tests/consistency/writers.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <utility>

namespace strata::consistency {

namespace {

void pause(std::int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

}  // namespace

/// One program: connects, and reconnects when its connection is lost.
class writers::program {
 public:
  program(writers& of, std::uint64_t seed) : of_(of), random_(seed) {}

  /// Writes by single statements, by transactions with an early number, and by some that abort.
  void short_writes(const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      const auto key = random_.below(of_.keys_.items);
      const auto token = ++of_.tokens_;
      const auto id = id_of(key);
      const auto table = std::string(table_of(of_.keys_, key));
      const auto change =
          fmt::format("UPDATE items SET token = {}, version = version + 1 WHERE id = '{}'", token, id);
      switch (random_.below(8)) {
        case 0:
          write(what::several, token, key,
                {fmt::format("UPDATE items SET token = {}, version = version + 1 WHERE grp = {}", token,
                             key_space::group_of(key))});
          break;
        case 1:
          write(what::early, token, key, {"BEGIN", "SELECT pg_current_xact_id()", "", change, "COMMIT"},
                random_.between(1, 25));
          break;
        case 2:
          write(what::aborted, token, key, {"BEGIN", change, "", "ROLLBACK"}, random_.between(1, 10));
          break;
        case 3:
        case 4:
          come_or_go(token, key - key % in_group + in_group - 1 - random_.below(2));
          break;
        default:
          write(what::statement, token, key, {change});
      }
      pause(random_.between(1, of_.pause_));
    }
  }

  /// Keeps a row locked for a long time before it commits.
  void long_transactions(const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      const auto key = random_.below(of_.keys_.items);
      const auto token = ++of_.tokens_;
      write(what::longer, token, key,
            {"BEGIN",
             fmt::format("UPDATE items SET token = {}, version = version + 1 WHERE id = '{}'", token,
                         id_of(key)),
             "", "COMMIT"},
            random_.between(100, 800));
      pause(random_.between(10, 200));
    }
  }

  /// Empties a table and fills it again, in one transaction or in two.
  void bulk_writes(const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      const auto token = ++of_.tokens_;
      if (random_.one_in(2)) {
        write(what::refill, token, of_.keys_.items, {"BEGIN", "TRUNCATE bulk", copy, "COMMIT"});
      } else if (write(what::truncate, token, of_.keys_.items, {"TRUNCATE bulk"})) {
        pause(random_.between(1, 30));
        // Another writer may have inserted one of the rows meanwhile, or the connection is lost.
        if (!write(what::copy, ++of_.tokens_, of_.keys_.items, {copy})) pause(20);
      }
      pause(random_.between(100, 900));
    }
  }

 private:
  static constexpr const char* copy = "COPY bulk (id, grp, token, stamp, pad, version) FROM STDIN";

  void come_or_go(std::int64_t token, std::uint32_t key) {
    const auto id = id_of(key);
    if (random_.one_in(2)) {
      write(what::statement, token, key, {fmt::format("DELETE FROM items WHERE id = '{}'", id)});
    } else {
      write(what::statement, token, key,
            {fmt::format(
                "INSERT INTO items VALUES ('{}', {}, {}, 0, '{}', 1) ON CONFLICT (id) DO UPDATE SET token = "
                "excluded.token, version = items.version + 1",
                id, key_space::group_of(key), token, padding())});
    }
  }

  /// Runs `statements` in order; an empty one is a pause. The last one commits. True if it committed.
  bool write(what kind, std::int64_t token, std::uint32_t key, const std::vector<std::string>& statements,
             std::int64_t milliseconds = 0) {
    if (!connected()) return false;
    if (!run(fmt::format("SELECT set_config('consistency.token', '{}', false)", token), token)) return false;
    auto& made = of_.log_->next();
    made.key = key;
    made.token = token;
    made.begun = now();
    made.is.store(kind, std::memory_order_release);
    bool done = true;
    for (std::size_t i = 0; done && i < statements.size(); ++i) {
      if (statements[i].empty()) {
        pause(milliseconds);
      } else {
        done = run(statements[i], token);
      }
    }
    const auto ended = now();
    if (done && kind != what::aborted) made.acknowledged = ended;
    made.failed = !done;
    made.ended = ended;
    if (!done && connection_ != nullptr && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
      run("ROLLBACK", token);
    }
    return done;
  }

  bool run(const std::string& statement, std::int64_t token) {
    if (statement == copy) return run_copy(token);
    const std::unique_ptr<PGresult, decltype(&PQclear)> got(PQexec(connection_.get(), statement.c_str()),
                                                            &PQclear);
    const auto status = PQresultStatus(got.get());
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }

  bool run_copy(std::int64_t token) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> begun(PQexec(connection_.get(), copy), &PQclear);
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return false;
    std::string rows;
    for (auto key = of_.keys_.items; key < of_.keys_.items + of_.keys_.bulk; ++key) {
      rows += fmt::format("{}\t{}\t{}\t0\t{}\t1\n", id_of(key), key_space::group_of(key), token, padding());
    }
    PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size()));
    PQputCopyEnd(connection_.get(), nullptr);
    bool done = true;
    while (auto* each = PQgetResult(connection_.get())) {
      done = done && PQresultStatus(each) == PGRES_COMMAND_OK;
      PQclear(each);
    }
    return done;
  }

  bool connected() {
    if (connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK) return true;
    connection_.reset(PQconnectdb(of_.url_.c_str()));
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    // A lock or a hanging server must not block for ever; no statement waits for a table lock.
    if (PQstatus(connection_.get()) == CONNECTION_OK && run("SET lock_timeout = '1s'", 0)) return true;
    pause(20);
    return false;
  }

  struct close {
    void operator()(PGconn* one) const { PQfinish(one); }
  };

  writers& of_;
  random_numbers random_;
  std::unique_ptr<PGconn, close> connection_;
};

writers::writers(std::string url, log& into, std::uint64_t seed, const plan& with)
    : url_(std::move(url)),
      log_(&into),
      seed_(seed),
      keys_(with.keys),
      pause_(with.program_pause),
      tokens_(std::int64_t{100} << 48) {
}

writers::~writers() {
  stop();
}

void writers::start() {
  const auto begin = [&](auto how, std::uint64_t number) {
    threads_.emplace_back([this, how, number](const std::stop_token& ended) {
      program one(*this, seed_ * 31 + number);
      (one.*how)(ended);
    });
  };
  begin(&program::short_writes, 1);
  begin(&program::short_writes, 2);
  begin(&program::long_transactions, 3);
  begin(&program::bulk_writes, 4);
}

void writers::stop() {
  for (auto& each : threads_) each.request_stop();
  threads_.clear();
}

}  // namespace strata::consistency
