#include "tests/consistency/faults.hpp"

#include "redis/format/key_slot.hpp"
#include "redis/format/store_format.hpp"
#include "tests/redis/refusals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

namespace strata::consistency {

std::vector<std::string> fault_names(store_kind store) {
  std::vector<std::string> names{"redis-stop", "redis-refuse",  "client-kill", "reader-stop", "relay-stop",
                                 "relay-kill", "writer-kill",   "filler-kill", "pg-restart",  "pg-stop",
                                 "pg-cut",     "pg-half-open",  "pg-readonly", "disk-full",   "odd-session",
                                 "redis-oom",  "redis-misconf", "wrong-type"};
  const auto more = [&](std::initializer_list<const char*> given) {
    names.insert(names.end(), given.begin(), given.end());
  };
  if (store == store_kind::redis)
    more({"redis-kill", "redis-dump", "flush", "cut", "half-open", "memory", "redis-readonly"});
  if (store == store_kind::sentinel) more({"failover", "lagging-failover"});
  if (store == store_kind::cluster) more({"slot-move", "failover", "node-kill"});
  return names;
}

faults::faults(stage& on, std::vector<std::string> names, std::uint64_t seed)
    : stage_(on),
      names_(std::move(names)),
      random_(seed * 97 + 5),
      recovers_(on.setup().plan.mutant[0] == '\0') {
}

void faults::wait(std::int64_t milliseconds) const {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

void faults::run(nanoseconds until) {
  // Each fault once before any repeats, in an order drawn from the seed.
  std::vector<std::string> left;
  while (now() < until) {
    wait(std::min<std::int64_t>(some(300, 1300), std::max<std::int64_t>(1, (until - now()) / millisecond)));
    if (names_.empty() || now() >= until) continue;
    if (left.empty()) left = names_;
    const auto chosen = left.begin() + random_.below(static_cast<std::uint32_t>(left.size()));
    const auto name = *chosen;
    left.erase(chosen);
    const auto begun = now();
    auto said = commit(name);
    const auto ended = now();
    history_.push_back({.at = begun, .lasted = ended - begun, .name = name, .what = std::move(said)});
    stage_.replace_ended();
    // The other faults are followed by the next one at any moment, also before all have recovered.
    if (recovers_ && random_.one_in(2)) history_.back().recovered = measure_recovery(ended);
  }
  stage_.shared().ballast = false;
  stage_.replace_ended();
}

void faults::alter_database(const std::string& how) const {
  const auto change = "BEGIN READ WRITE; ALTER DATABASE postgres " + how + "; COMMIT";
  test::eventually([&] {
    try {
      stage_.postgres().execute("postgres", change);
      return true;
    } catch (const std::runtime_error&) {
      return false;  // the server has no connection left, or another session changes it
    }
  });
}

void faults::end_sessions(const std::string& which) const {
  stage_.postgres().execute(
      "postgres",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client "
      "backend' AND pid <> pg_backend_pid() " +
          which);
}

nanoseconds faults::measure_recovery(nanoseconds end) const {
  constexpr auto steady = second / 2;
  constexpr auto longest = 20 * second;
  auto since = end;
  for (auto at = now(); at - since < steady && at - end < longest; at = now()) {
    if (!stage_.all_serve()) since = at;
    wait(2);
  }
  return since - end;
}

std::string faults::move_slot() {
  const auto& cluster = stage_.cluster();
  const auto row = "strata:row:" + id_of(random_.below(stage_.setup().plan.keys.items));
  const auto slot = static_cast<int>(cluster.node(0).call({"CLUSTER", "KEYSLOT", row}).integer().value());
  const auto& from = cluster.owner(slot);
  for (int tries = 0; tries < 100; ++tries) {
    const auto& to = cluster.owner(static_cast<int>(random_.below(test::cluster_group::slots)));
    if (&to == &from) continue;
    cluster.begin_move(slot, from, to);
    wait(some(20, 500));
    while (cluster.move_keys(slot, from, to, 1) > 0) wait(some(1, 20));
    cluster.end_move(slot, to);
    return fmt::format("slot {}", slot);
  }
  return "one node has all slots";
}

std::string faults::refuse(test::refusal how) {
  const auto accept_again = test::refuse(stage_.redis(), how);
  wait(some(200, 1800));
  accept_again();
  return {};
}

/// Another program writes lists where values and leases should be.
std::string faults::spoil_rows() {
  constexpr int rows = 8;
  for (int i = 0; i < rows; ++i) {
    const auto row = "strata:row:" + id_of(random_.below(stage_.setup().plan.keys.items));
    const auto owner = [&]() -> const test::redis_server& {
      if (stage_.setup().store != store_kind::cluster) return stage_.redis();
      return stage_.cluster().owner(redis::slot_of(row));
    };
    owner().call({"EVAL",
                  "for _, key in ipairs(KEYS) do redis.call('DEL', key) redis.call('RPUSH', key, 'x') end",
                  "2", row, redis::lease_name(row)});
  }
  return fmt::format("{} rows", rows);
}

std::string faults::commit(std::string_view name) {
  const auto stopped = [&](auto stop, auto go) {
    stop();
    wait(some(200, 1800));
    go();
    return std::string();
  };
  const auto stop_process = [&](unsigned index) {
    auto& process = stage_.process(index);
    stopped([&] { process.signal(SIGSTOP); }, [&] { process.signal(SIGCONT); });
    return fmt::format("process {}", index);
  };
  if (name == "redis-stop") {
    auto& redis = stage_.redis();
    return stopped([&] { redis.pause(); }, [&] { redis.resume(); });
  }
  if (name == "redis-refuse") {
    // Redis rejects writes for lack of replicas, and still serves reads.
    const auto& redis = stage_.redis();
    const auto refuse = [&](const char* without) {
      return [&redis, without] { redis.call({"CONFIG", "SET", "min-replicas-to-write", without}); };
    };
    return stopped(refuse("9"), refuse("0"));
  }
  if (name == "redis-oom") return refuse(test::refusal::out_of_memory);
  if (name == "redis-misconf") return refuse(test::refusal::failed_snapshot);
  if (name == "redis-readonly") return refuse(test::refusal::read_only);
  if (name == "wrong-type") return spoil_rows();
  if (name == "redis-kill" || name == "redis-dump") {
    auto& redis = stage_.redis();
    const bool keeps = name == "redis-dump";
    if (keeps) {
      redis.call({"SAVE"});
      wait(some(100, 1000));
    }
    return stopped([&] { redis.kill(); },
                   [&] {
                     if (!keeps) std::filesystem::remove(redis.file("dump.rdb"));
                     redis.start();
                   });
  }
  if (name == "flush") {
    stage_.redis().call({"FLUSHALL"});
    return {};
  }
  if (name == "client-kill") {
    stage_.redis().call({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    return {};
  }
  if (name == "cut") {
    stage_.redis_proxy().cut_after(some(1, 3000));
    return {};
  }
  if (name == "pg-cut") {
    stage_.postgres_proxy().cut_after(some(1, 3000));
    return {};
  }
  if (name == "half-open" || name == "pg-half-open") {
    auto& proxy = name == "half-open" ? stage_.redis_proxy() : stage_.postgres_proxy();
    return stopped([&] { proxy.freeze(); }, [&] { proxy.freeze(false); });
  }
  if (name == "reader-stop") return stop_process(random_.below(engine_processes));
  if (name == "relay-stop") return stop_process(stage_.relaying());
  if (name == "relay-kill") {
    const auto index = stage_.relaying();
    stage_.process(index).end(SIGKILL);
    wait(some(0, 800));
    return fmt::format("process {}", index);
  }
  if (name == "writer-kill" || name == "filler-kill") {
    const auto index = random_.below(engine_processes);
    auto& process = stage_.shared().processes[index];
    (name == "writer-kill" ? process.is_to_die : process.dies_reading) = true;
    test::eventually([&] { return stage_.process(index).has_ended(); }, std::chrono::seconds(3));
    return fmt::format("process {}", index);
  }
  if (name == "pg-restart") {
    stage_.postgres().stop_immediately();
    wait(some(0, 500));
    stage_.postgres().start_again();
    return {};
  }
  if (name == "pg-stop") {
    auto& postgres = stage_.postgres();
    return stopped([&] { postgres.pause(); }, [&] { postgres.resume(); });
  }
  if (name == "pg-readonly") {
    // Sessions keep what they began with, so they are ended; the programs' once more, since those do not
    // notice.
    const auto make = [&](const char* how) {
      return [this, how] {
        alter_database(std::string("SET default_transaction_read_only = ") + how);
        end_sessions(std::string_view(how) == "on" ? "" : "AND application_name = ''");
      };
    };
    return stopped(make("on"), make("off"));
  }
  if (name == "disk-full") {
    return stopped([&] { stage_.disk().fill(); }, [&] { stage_.disk().empty(); });
  }
  if (name == "odd-session") {
    static constexpr std::string_view odd[][4] = {
        {"datestyle = German", "timezone = 'Europe/Berlin'", "extra_float_digits = -3",
         "intervalstyle = iso_8601"},
        {"datestyle = 'SQL, DMY'", "timezone = 'Asia/Kolkata'", "bytea_output = escape",
         "quote_all_identifiers = on"},
        {"datestyle = 'Postgres, MDY'", "timezone = '-03:30'", "extra_float_digits = 3",
         "intervalstyle = sql_standard"},
    };
    const auto which = random_.below(static_cast<std::uint32_t>(std::size(odd)));
    stopped(
        [&] {
          for (const auto each : odd[which]) alter_database("SET " + std::string(each));
          end_sessions("AND application_name = ''");
        },
        [&] {
          alter_database("RESET ALL");
          end_sessions("AND application_name = ''");
        });
    return std::string(odd[which][0]);
  }
  if (name == "memory") {
    stage_.redis().call({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
    stage_.redis().call({"CONFIG", "SET", "maxmemory", "4mb"});
    stage_.shared().ballast = true;
    wait(some(1000, 2500));
    stage_.shared().ballast = false;
    return {};
  }
  if (name == "slot-move") return move_slot();
  if (stage_.setup().store == store_kind::cluster && name == "failover") {
    const auto& replica = stage_.cluster().node(3 + random_.below(3));
    replica.call({"CLUSTER", "FAILOVER"});  // a node that is already a master refuses
    return stage_.cluster().wait_until_whole() ? "" : "it is not whole again";
  }
  if (name == "node-kill") {
    auto& node = stage_.redis();
    node.kill();
    wait(some(300, 4000));
    node.start();
    return stage_.cluster().wait_until_whole() ? "" : "it is not whole again";
  }
  if (name == "failover") {
    const auto& old = stage_.redis();
    stage_.sentinels().begin_failover();
    stage_.sentinels().wait_for_another_master(old);
    return {};
  }
  if (name == "lagging-failover") {
    // A stopped replica still reads its socket when it resumes, so its connection must be closed too.
    auto& old = stage_.redis();
    const auto replicas = stage_.sentinels().others(old);
    for (auto* each : replicas) each->pause();
    old.call({"CLIENT", "KILL", "TYPE", "replica"});
    wait(some(200, 600));
    old.kill();
    for (auto* each : replicas) each->resume();
    const bool moved = stage_.sentinels().wait_for_another_master(old);
    old.start();
    return moved ? "" : "no replica took over";
  }
  throw std::runtime_error("no fault is called " + std::string(name));
}

}  // namespace strata::consistency
