#include "tests/consistency/stage.hpp"

#include <strata/database.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace strata::consistency {

namespace {

using namespace std::chrono_literals;

test::group_setup sentinel_setup() {
  return {.replicas = 2, .sentinels = 3, .down_after = 700ms};
}

}  // namespace

stage::stage(stage_setup setup)
    : setup_(std::move(setup)),
      board_(board_file(folder_.file("."))),
      disk_(disk_folder_.file("."), "/data/base/"),
      postgres_({{"max_connections", "100"}}, disk_.environment()),
      programs_(log_file(folder_.file("."), engine_processes + 1, 0)) {
  postgres_.execute("postgres", schema(setup_.plan.keys));
  const auto database = open_postgres({.url = postgres_.url()});
  if (!database) throw std::runtime_error(database.error().detail);
  for (auto& rule : rules()) {
    const auto done = sync_wait(install_outbox(**database, std::move(rule)));
    if (!done) throw std::runtime_error(done.error().detail);
  }
  postgres_proxy_ = std::make_unique<test::proxy>(postgres_.port());
  if (setup_.store == store_kind::sentinel) {
    group_.emplace(sentinel_setup());
  } else if (setup_.store == store_kind::cluster) {
    cluster_.emplace(test::cluster_setup{.masters = 3, .replicas = 1, .node_timeout = 2s});
  } else {
    redis_.emplace();
    redis_proxy_ = std::make_unique<test::proxy>(redis_->port());
  }
  board_->plan = setup_.plan;
  board_->began = now();
  for (std::uint32_t i = 0; i < most_sessions; ++i) board_->sessions[i].at = i % engine_processes;
  for (unsigned i = 0; i < engine_processes; ++i) start_process(i);
}

test::redis_server& stage::redis() {
  if (cluster_) return cluster_->node(node_++ % 3);
  return group_ ? group_->master() : *redis_;
}

std::string stage::store_url(unsigned index) const {
  if (cluster_) return cluster_->url();
  if (group_) return group_->url();
  const auto port = index == 1 ? redis_proxy_->port() : redis_->port();
  return "redis://127.0.0.1:" + std::to_string(port);
}

std::string stage::database_url(unsigned index) const {
  auto url = postgres_.url();
  if (index != 2) return url;
  const auto own = ':' + std::to_string(postgres_.port()) + '/';
  return url.replace(url.find(own), own.size(), ':' + std::to_string(postgres_proxy_->port()) + '/');
}

test::child stage::launch(unsigned index, bool look) {
  std::vector<std::string> words{setup_.program,
                                 folder_.file("."),
                                 std::to_string(index),
                                 std::to_string(incarnations_[index]++),
                                 store_url(index),
                                 database_url(index),
                                 std::to_string(setup_.seed)};
  if (look) words.emplace_back("look");
  return {std::move(words), folder_.file("."), words_file()};
}

void stage::start_process(unsigned index) {
  board_->processes[index].ready = false;
  board_->processes[index].relays = false;
  board_->processes[index].is_to_die = false;
  board_->processes[index].dies_reading = false;
  board_->processes[index].served = 0;
  for (auto& each : board_->sessions) {
    std::uint32_t its = index + 1;
    each.lane.compare_exchange_strong(its, 0);
  }
  processes_[index] = launch(index, false);
}

void stage::replace_process(unsigned index) {
  processes_[index]->end(SIGKILL);
  start_process(index);
}

unsigned stage::replace_ended() {
  unsigned ended = 0;
  for (unsigned i = 0; i < engine_processes; ++i) {
    if (!processes_[i]->has_ended()) continue;
    start_process(i);
    ++ended;
  }
  return ended;
}

void stage::wait_until_ready() {
  const auto all = [&] {
    return std::ranges::all_of(std::span(board_->processes).first(engine_processes),
                               [](const board::process& each) { return each.ready.load(); });
  };
  if (!test::eventually(all, 60s)) throw std::runtime_error("a process does not come up: " + said());
}

bool stage::all_serve() const {
  constexpr auto sampled_within = 50 * millisecond;
  const auto at = now();
  return std::ranges::all_of(std::span(board_->processes).first(engine_processes), [&](const auto& each) {
    return each.ready && at - each.served < sampled_within;
  });
}

unsigned stage::relaying() const {
  for (unsigned i = 0; i < engine_processes; ++i) {
    if (board_->processes[i].relays) return i;
  }
  return 0;
}

void stage::look_at_all() {
  board_->now = phase::checking;
  const auto end = [&](test::child& one) {
    if (!test::eventually([&] { return one.has_ended(); }, 90s)) {
      throw std::runtime_error("a process does not look at its cache: " + said());
    }
  };
  for (auto& each : processes_) end(*each);
  auto last = launch(engine_processes, true);
  end(last);
}

std::vector<history_row> stage::history() {
  const auto text =
      postgres_.execute("postgres", "SELECT stamp, id, token, there FROM history ORDER BY stamp");
  std::istringstream lines(text);
  std::vector<history_row> out;
  for (std::string stamp, id, token, there; std::getline(lines, stamp, '|');) {
    std::getline(lines, id, '|');
    std::getline(lines, token, '|');
    std::getline(lines, there);
    out.push_back({std::stoll(stamp), key_of(id), std::stoll(token), there == "t"});
  }
  return out;
}

std::vector<process_log> stage::logs() {
  std::vector<process_log> out{{"programs", programs_.all()}};
  for (unsigned i = 0; i < incarnations_.size(); ++i) {
    for (unsigned k = 0; k < incarnations_[i]; ++k) {
      read_.emplace_back(log_file(folder_.file("."), i, k));
      out.push_back({fmt::format("process {}.{}", i, k), read_.back().all()});
    }
  }
  return out;
}

std::vector<const counts*> stage::counted() {
  std::vector<const counts*> out;
  for (auto& each : read_) out.push_back(&each.counted());
  return out;
}

std::uint32_t stage::peak_queries() const {
  std::uint32_t most = 0;
  for (const auto& each : board_->queries) most = std::max<std::uint32_t>(most, each);
  return most;
}

std::string stage::said() const {
  std::ostringstream text;
  text << std::ifstream(words_file()).rdbuf();
  return text.str();
}

}  // namespace strata::consistency
