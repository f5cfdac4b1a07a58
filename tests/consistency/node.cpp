#include "tests/consistency/node.hpp"

#include <chrono>
#include <thread>

namespace strata::consistency {

namespace {

using namespace std::chrono_literals;

constexpr auto hard_timeout = 5s;

/// Short TTLs, so that values also expire while they change; the processes have different policies for
/// stale values.
policy row_rules(unsigned index) {
  policy rules{.ttl = 3s, .negative_ttl = 1s, .hard_timeout = hard_timeout};
  if (index == 0) return rules;
  rules.fail_safe = true;
  rules.grace = 30s;
  rules.throttle = 200ms;
  rules.eager_refresh = 0.8;
  rules.soft_timeout = 150ms;
  return rules;
}

std::shared_ptr<database> must_open(const postgres_options& with) {
  for (;;) {
    auto opened = open_postgres(with);
    if (opened) return *opened;
    std::this_thread::sleep_for(20ms);
  }
}

std::shared_ptr<store> must_open_store(const std::string& url, const store_options& with) {
  auto opened = open_store(url, with);
  if (!opened) throw std::runtime_error(opened.error().detail);
  return *opened;
}

/// Delays some replies until after notifications that the store sent later, as if the waiting thread
/// were not scheduled.
std::shared_ptr<testing::faulty_store> slow_at_times(std::shared_ptr<store> real, std::uint64_t seed) {
  auto out = std::make_shared<testing::faulty_store>(std::move(real), seed);
  for (const auto call :
       {testing::store_call::get, testing::store_call::acquire, testing::store_call::get_many,
        testing::store_call::acquire_many, testing::store_call::take_lease, testing::store_call::fill}) {
    out->delay({.call = call, .probability = 0.03, .after = true});
  }
  return out;
}

sql_query select_some(std::string_view table, const std::vector<std::uint32_t>& keys) {
  sql_query out{"SELECT id, grp, token, stamp, pad, version FROM " + std::string(table) + " WHERE id IN (",
                {}};
  for (const auto key : keys) {
    out.parameters.emplace_back(id_of(key));
    out.statement += (out.parameters.size() == 1 ? "$" : ", $") + std::to_string(out.parameters.size());
  }
  out.statement += ')';
  return out;
}

constexpr const char* select_lines = "SELECT id, stamp FROM bulk WHERE grp = $1 ORDER BY id";

}  // namespace

node::node(node_setup setup)
    : setup_(std::move(setup)),
      board_(board_file(setup_.folder)),
      log_(log_file(setup_.folder, setup_.index, setup_.incarnation)),
      plain_(must_open({.url = setup_.database_url, .readers = 3, .writers = 4, .statement_timeout = 3s})),
      database_(plain_, *board_, setup_.index),
      store_(slow_at_times(must_open_store(setup_.store_url, {.relayed = true}), setup_.seed)),
      cache_({.memory = {256u << 10},
              .second_level = store_,
              .breaker_open_for = std::chrono::milliseconds(board_->plan.breaker),
              .seed = setup_.seed}),
      rows_(row_rules(setup_.index)),
      lists_(policy{.ttl = 3s, .hard_timeout = hard_timeout}),
      ballast_(policy{.ttl = 60s}),
      items_(database_, cache_, rows_, "items", [] { return system_clock().wall(); }),
      bulk_(database_, cache_, rows_, "bulk", [] { return system_clock().wall(); }),
      queries_(database_, cache_),
      bulk_lines_(queries_.prepare<line>(select_lines, {.tables = {"bulk"}, .policy = {.ttl = 3s}})),
      tokens_((static_cast<std::int64_t>(setup_.index + 1) << 48) +
              (static_cast<std::int64_t>(setup_.incarnation) << 32)),
      relay_({.source = must_open({.url = setup_.database_url, .readers = 1, .writers = 1}),
              .target = must_open_store(setup_.store_url, {.trust_for = 1s, .heartbeat = 250ms})}) {
}

node::~node() {
  cache_.stop_filling();  // background reads use the members declared after it
}

record& node::write_down(what, reader who, std::uint32_t key, nanoseconds begun) {
  auto& made = log_.next();
  made.begun = begun;
  made.key = key;
  made.session = who.session;
  made.marked = who.at_least != 0;
  return made;
}

template <class T>
void node::outcome(record& into, const lookup<T>& found, std::int64_t stamp, what kind, nanoseconds ended) {
  into.stamp = stamp;
  into.layer = static_cast<std::uint8_t>(found.info().from);
  into.stale = found.info().stale;
  into.failed = !found && !found.known_absent();
  // A process that is stopped for a while is late by that.
  constexpr auto longest = hard_timeout + 3s;
  const bool timed = kind == what::row || kind == what::list;
  const bool late = timed && ended - into.begun > std::chrono::nanoseconds(longest).count();
  into.unanswered = (into.failed || late) && database_.well_since(into.begun);
  into.ended = ended;
  into.is.store(kind, std::memory_order_release);
}

void node::write_down_row(what kind, reader who, std::uint32_t key, nanoseconds begun,
                          const lookup<item>& found) {
  const auto ended = now();
  outcome(write_down(kind, who, key, begun), found, found ? found->stamp : 0, kind, ended);
}

void node::write_down_lines(what kind, reader who, std::uint32_t group, nanoseconds begun,
                            const lookup<lines>& found) {
  const auto ended = now();
  std::array<std::int64_t, in_group> stamps{};
  if (found) {
    for (const auto& each : *found) stamps[key_of(each.id) % in_group] = each.stamp;
  }
  for (std::uint32_t i = 0; i < in_group; ++i) {
    outcome(write_down(kind, who, group * in_group + i, begun), found, stamps[i], kind, ended);
  }
}

void node::read_row(reader who, std::uint32_t key) {
  const auto id = id_of(key);
  const auto begun = now();
  write_down_row(what::row, who, key, begun, sync_wait(rows_of(key).find(id, {.at_least = who.at_least})));
}

void node::read_slowly(reader who, std::uint32_t key, double seconds) {
  const auto where = key_of_row(key).at_least(who.at_least);
  const auto begun = now();
  auto read = cache_.get_or_set(where, [this, key, seconds] { return load_slowly(key, seconds); });
  write_down_row(what::row, who, key, begun, sync_wait(std::move(read)));
}

void node::read_batch(reader who, std::span<const std::uint32_t> keys) {
  std::vector<typed_key<item>> wanted;
  for (const auto key : keys) wanted.push_back(key_of_row(key).at_least(who.at_least));
  const auto begun = now();
  const std::vector<std::uint32_t> all(keys.begin(), keys.end());
  auto read = cache_.get_or_set_many(wanted, [this, all](std::span<const std::size_t> missing) {
    std::vector<std::uint32_t> some;
    for (const auto i : missing) some.push_back(all[i]);
    return load_some(std::move(some));
  });
  const auto found = sync_wait(std::move(read));
  for (std::size_t i = 0; i < keys.size(); ++i) write_down_row(what::batch, who, keys[i], begun, found[i]);
}

void node::read_list(reader who, std::uint32_t group) {
  const auto where = lists_(moment_of(group)).at_least(who.at_least);
  const auto begun = now();
  auto read = cache_.get_or_set(where, [this, group] { return load_list(group); });
  write_down_lines(what::list, who, group, begun, sync_wait(std::move(read)));
}

void node::read_query(reader who, std::uint32_t group) {
  const auto begun = now();
  auto read = bulk_lines_.find({static_cast<std::int64_t>(group)}, {.at_least = who.at_least});
  write_down_lines(what::query, who, group, begun, sync_wait(std::move(read)));
}

void node::read_ballast(std::uint32_t number) {
  (void)sync_wait(cache_.get_or_set(ballast_(number), [] { return std::string(3000, '#'); }));
}

task<result<node::lines>> node::load_list(std::uint32_t group) {
  sql_parameters of{static_cast<std::int64_t>(group)};
  auto rows =
      co_await database_.query("SELECT id, stamp FROM items WHERE grp = $1 ORDER BY id", std::move(of));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return from_rows<line>(*rows);
}

task<result<std::optional<item>>> node::load_slowly(std::uint32_t key, double seconds) {
  sql_parameters of{id_of(key), seconds};
  const auto statement =
      std::string("SELECT id, grp, token, stamp, pad, version FROM (SELECT pg_sleep($2)) s, ") +
      table_of(space(), key) + " WHERE id = $1";
  auto rows = co_await database_.query(statement, std::move(of));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  auto found = from_rows<item>(*rows);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->empty()) co_return std::optional<item>();
  co_return std::optional<item>(std::move(found->front()));
}

task<result<std::vector<std::optional<item>>>> node::load_some(std::vector<std::uint32_t> keys) {
  auto query = select_some(table_of(space(), keys.front()), keys);
  auto rows = co_await database_.query(query.statement, std::move(query.parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  auto found = from_rows<item>(*rows);
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<std::optional<item>> out(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (auto& each : *found) {
      if (each.id == id_of(keys[i])) out[i] = each;
    }
  }
  co_return out;
}

task<result<bool>> node::change(unit_of_work work, std::uint32_t key, std::int64_t token, bool gone) {
  const auto& rows = rows_of(key);
  const auto id = id_of(key);
  sql_parameters said{std::to_string(token)};
  auto done = co_await work.execute("SELECT set_config('consistency.token', $1, true)", std::move(said));
  if (!done) co_return std::unexpected(std::move(done.error()));
  auto there = co_await rows.load_in(work, id);
  if (!there) co_return std::unexpected(std::move(there.error()));
  if (!*there) {
    item made{id, key_space::group_of(key), token, 0, padding(), 1};
    auto created = co_await rows.create_in(work, std::move(made));
    if (!created) co_return std::unexpected(std::move(created.error()));
  } else if (gone) {
    auto removed = co_await rows.remove_in(work, id);
    if (!removed) co_return std::unexpected(std::move(removed.error()));
  } else {
    rows_repository::change_function with = [token](item& row) -> result<void> {
      row.token = token;
      return {};
    };
    auto updated = co_await rows.update_in(work, id, std::nullopt, std::move(with));
    if (!updated) co_return std::unexpected(std::move(updated.error()));
  }
  auto committed = co_await work.commit();
  if (!committed) co_return std::unexpected(std::move(committed.error()));
  co_return true;
}

bool node::write(std::uint16_t session, std::uint32_t key, bool gone) {
  const auto token = ++tokens_;
  auto& made = write_down(what::through, {session}, key, now());
  made.token = token;
  made.is.store(what::through, std::memory_order_release);
  writing = &made;
  const auto attempt = [&](unit_of_work work) { return change(std::move(work), key, token, gone); };
  const auto done = sync_wait(in_transaction(database_, cache_, attempt));
  writing = nullptr;
  if (done && space().is_item(key)) {
    sync_wait(cache_.remove_by_prefix(lists_(moment_of(key_space::group_of(key))).key.text()));
  }
  made.failed = !done;
  made.ended = now();
  return done.has_value();
}

void node::look_at_all() {
  for (std::uint32_t key = 0; key < space().all(); ++key) {
    auto begun = now();
    const auto cached = sync_wait(cache_.get(key_of_row(key)));
    if (cached.info().from != layer::none) write_down_row(what::rest, {}, key, begun, cached);
    begun = now();
    write_down_row(what::fill, {}, key, begun, sync_wait(rows_of(key).find(id_of(key))));
  }
  for (std::uint32_t group = 0; group < (space().items + space().bulk) / in_group; ++group) {
    const bool is_list = group < space().items / in_group;
    const sql_parameters of{static_cast<std::int64_t>(group)};
    const auto begun = now();
    const auto cached = sync_wait(cache_.get(is_list ? lists_(moment_of(group)) : bulk_lines_.key_of(of)));
    if (cached.info().from != layer::none) write_down_lines(what::rest, {}, group, begun, cached);
  }
}

bool node::serves() const {
  const auto l2 = cache_.stats().second_level;
  return l2.state == second_level_state::up && l2.coherent;
}

void node::tick() {
  const auto stats = cache_.stats();
  auto& into = log_.counted();
  ++into.samples;
  const auto& l2 = stats.second_level;
  if (l2.state != second_level_state::up || !l2.coherent) {
    ++into.untrusted;
  } else {
    board_->processes[setup_.index].served = now();
  }
  std::uint64_t fenced = 0;
  std::uint64_t older = 0;
  std::uint64_t too_large = 0;
  for (const auto& each : stats.types) {
    fenced += each.fills_fenced;
    older += each.fills_older;
    too_large += each.fills_too_large;
  }
  into.fenced = fenced;
  into.older = older;
  into.too_large = too_large;
  into.delivered = l2.delivered;
  into.losses = l2.losses;
  into.evictions = stats.evictions;
  into.l2_errors = stats.l2_errors;
  const auto relay = relay_.stats();
  board_->processes[setup_.index].relays = relay.active;
  into.takeovers = relay.takeovers;
  into.replays = relay.replays;
  for (std::size_t i = 0; i < clear_reasons; ++i) into.clears[i] = relay.clears[i];
  into.relayed = relay.changes;
  into.told_after_p50 = static_cast<std::uint64_t>(relay.delivered_after_p50.count());
  into.told_after_p99 = static_cast<std::uint64_t>(relay.delivered_after_p99.count());
  cache_.maintain();
  if (now() < let_go_) return;
  store_->let_go();
  let_go_ = now() + board_->plan.late * millisecond;
}

}  // namespace strata::consistency
