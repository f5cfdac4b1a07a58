#include <strata/cache.hpp>

#include "core/glob.hpp"
#include "engine/engine.hpp"

namespace strata {

/// A ticket that is dropped may have been followed by a commit all the same (its task was
/// dropped in between), so dropping it invalidates.
struct cache::write_ticket::state {
  std::shared_ptr<detail::engine> owner;
  key where;
  std::optional<detail::engine::write> right;

  ~state() {
    if (right) detail::engine::give_up_write(std::move(owner), std::move(where));
  }
};

cache::write_ticket::write_ticket(std::unique_ptr<state> held) : state_(std::move(held)) {
}
cache::write_ticket::write_ticket(write_ticket&&) noexcept = default;
cache::write_ticket& cache::write_ticket::operator=(write_ticket&&) noexcept = default;
cache::write_ticket::~write_ticket() = default;

cache::cache(cache_options options) : engine_(std::make_shared<detail::engine>(std::move(options))) {
  engine_->open();
}
cache::~cache() {
  engine_->close();
}

void cache::stop_filling() noexcept {
  engine_->stop_filling();
}

bool cache::has_second_level() const noexcept {
  return engine_->has_second_level();
}

detail::any_lookup cache::find(const detail::any_key& where) {
  return engine_->find(where);
}

detail::any_lookup cache::give_up(const detail::any_key& where, detail::any_lookup missed) {
  return engine_->give_up(where, std::move(missed));
}

task<detail::any_lookup> cache::get_slow(detail::any_key where) {
  return engine_->get(where);
}

task<detail::any_lookup> cache::fill_slow(detail::any_key where, detail::any_factory factory,
                                          miss_reason reason) {
  return engine_->fill(where, std::move(factory), reason, false);
}

task<detail::any_lookup> cache::refresh_slow(detail::any_key where, detail::any_factory factory) {
  return engine_->fill(where, std::move(factory), miss_reason::expired, true);
}

void cache::refresh_behind(const detail::any_key& where, detail::any_factory factory) {
  engine_->refresh_behind(where, std::move(factory));
}

task<bool> cache::set_any(detail::any_key where, detail::any_value value) {
  auto right = co_await engine_->begin_write(where.key, true);
  co_return co_await engine_->finish_write(std::move(right), where, std::move(value));
}

task<bool> cache::set_any(write_ticket ticket, detail::any_key where, detail::any_value value) {
  auto right = std::move(*ticket.state_->right);
  ticket.state_->right.reset();
  return engine_->finish_write(std::move(right), where, std::move(value));
}

task<std::size_t> cache::set_many(std::span<const detail::any_key> keys,
                                  std::vector<detail::any_value> values) {
  return engine_->set_many(keys, std::move(values));
}

task<cache::write_ticket> cache::take_ticket(key where) {
  auto right = co_await engine_->begin_write(where, false);
  co_return write_ticket(
      std::unique_ptr<write_ticket::state>(new write_ticket::state{engine_, where, std::move(right)}));
}

task<std::vector<detail::any_lookup>> cache::get_many(std::span<const detail::any_key> keys) {
  return engine_->get_many(keys);
}

task<std::vector<detail::any_lookup>> cache::get_or_set_many(std::span<const detail::any_key> keys,
                                                             detail::any_batch_factory factory) {
  return engine_->fill_many(keys, std::move(factory));
}

task<> cache::remove(const key& where) {
  return engine_->remove({where});
}

task<> cache::remove(std::vector<key> keys) {
  return engine_->remove(std::move(keys));
}

task<> cache::remove_by_tag(std::string_view tag) {
  return engine_->raise({{.bucket = detail::floor_table::tag_bucket(tag), .soft = false}});
}

task<> cache::remove_by_tags(std::vector<std::string> tags) {
  std::vector<floor_entry> floors;
  for (const auto& each : tags) floors.push_back({.bucket = detail::floor_table::tag_bucket(each)});
  return engine_->raise(std::move(floors));
}

task<> cache::remove_by_prefix(std::string_view prefix) {
  return engine_->raise({{.bucket = detail::floor_table::prefix_bucket(prefix), .soft = false}});
}

task<> cache::expire(const key& where) {
  return engine_->expire(where);
}

task<> cache::expire_by_tag(std::string_view tag) {
  return engine_->raise({{.bucket = detail::floor_table::tag_bucket(tag), .soft = true}});
}

task<> cache::expire_by_prefix(std::string_view prefix) {
  return engine_->raise({{.bucket = detail::floor_table::prefix_bucket(prefix), .soft = true}});
}

task<> cache::expire_all() {
  return engine_->raise({{.bucket = detail::floor_table::root, .soft = true}});
}

task<> cache::remove_pattern(std::string_view glob) {
  if (glob == "*") return engine_->clear();
  if (const auto prefix = glob_prefix(glob)) return remove_by_prefix(*prefix);
  return engine_->remove_matching(std::string(glob));
}

task<> cache::clear() {
  return engine_->clear();
}

task<bool> cache::touch(const key& where, duration ttl) {
  return engine_->touch(where, ttl);
}

consistency_token cache::latest_write() const noexcept {
  return engine_->latest_write();
}

commit_time cache::required_asof(const consistency_token& mark) {
  return engine_->required_asof(mark);
}

void cache::trust(time_point until, time_point source_watermark) noexcept {
  engine_->trust_until(until, source_watermark);
}

task<explanation> cache::explain(const key& where) {
  return engine_->explain(where);
}

cache_stats cache::stats() const {
  return engine_->stats();
}

void cache::maintain() {
  engine_->maintain();
}

void cache::resize(byte_size memory) {
  engine_->resize(memory);
}

}  // namespace strata
