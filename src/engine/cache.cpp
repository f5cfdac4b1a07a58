#include <strata/cache.hpp>

#include "core/glob.hpp"
#include "engine/engine.hpp"

namespace strata {

/// The commit may have happened though its ticket was dropped (its task was dropped in between), so dropping
/// the ticket removes the key.
struct cache::write_ticket::state {
  std::shared_ptr<detail::engine> owner;
  strata::key key;
  std::optional<detail::write_right> right;

  ~state() {
    // `owner` stays: the ticket in `right` is returned to its engine after this.
    if (right) owner->invalidations().invalidate_behind({.keys = {std::move(key)}});
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

detail::any_lookup cache::find(const detail::any_key& target) {
  return engine_->find(target);
}

detail::any_lookup cache::missed(const detail::any_key& target, detail::any_lookup lookup) {
  return engine_->missed(target, std::move(lookup));
}

executor& cache::background() const noexcept {
  return engine_->background();
}

detail::any_lookup cache::cancelled() {
  return detail::read_reporter::failed({errc::cancelled, "the caller's stop_token requested a stop"},
                                       miss_reason::absent);
}

task<detail::any_lookup> cache::get_slow(detail::engine& in, detail::any_key target) {
  return in.l2().get(target);
}

task<detail::any_lookup> cache::fill_slow(detail::engine& in, detail::any_key target,
                                          detail::any_factory factory, miss_reason reason) {
  return in.fills().fill(target, std::move(factory), reason);
}

task<detail::any_lookup> cache::refresh_slow(detail::engine& in, detail::any_key target,
                                             detail::any_factory factory) {
  return in.fills().refresh(target, std::move(factory));
}

void cache::refresh_behind(const detail::any_key& target, detail::any_factory factory) {
  engine_->fills().refresh_behind(target, std::move(factory));
}

task<detail::any_lookup> cache::take_any(detail::any_key target) {
  return engine_->takes().take(target);
}

task<bool> cache::set_any(detail::any_key target, detail::any_value value) {
  return engine_->writes().set(target, std::move(value));
}

task<bool> cache::set_any(write_ticket ticket, detail::any_key target, detail::any_value value) {
  auto right = std::move(*ticket.state_->right);
  ticket.state_->right.reset();
  return engine_->writes().finish(std::move(right), target, std::move(value));
}

task<std::size_t> cache::set_many(std::span<const detail::any_key> keys,
                                  std::vector<detail::any_value> values) {
  return engine_->writes().set_many(keys, std::move(values));
}

task<cache::write_ticket> cache::take_ticket(key key) {
  auto right = co_await engine_->writes().begin(key);
  co_return write_ticket(
      std::unique_ptr<write_ticket::state>(new write_ticket::state{engine_, key, std::move(right)}));
}

task<std::vector<cache::write_ticket>> cache::take_tickets(std::vector<key> keys) {
  auto rights = co_await engine_->writes().begin_many(keys);
  std::vector<write_ticket> out;
  out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out.push_back(write_ticket(std::unique_ptr<write_ticket::state>(
        new write_ticket::state{engine_, std::move(keys[i]), std::move(rights[i])})));
  }
  co_return out;
}

task<std::vector<bool>> cache::set_all_committed(std::vector<write_ticket> tickets,
                                                 std::span<const detail::any_key> targets,
                                                 std::vector<detail::any_value> values) {
  std::vector<detail::write_right> rights;
  rights.reserve(tickets.size());
  for (auto& each : tickets) {
    rights.push_back(std::move(*each.state_->right));
    each.state_->right.reset();
  }
  return engine_->writes().finish_many(std::move(rights), targets, std::move(values));
}

task<std::vector<detail::any_lookup>> cache::many_slow(detail::engine& in,
                                                       std::span<const detail::any_key> keys,
                                                       detail::any_batch_factory factory) {
  if (!factory) return in.l2().get_many(keys);
  return in.batches().fill_many(keys, std::move(factory));
}

task<invalidation_result> cache::invalidate(invalidation what) {
  return engine_->invalidations().invalidate(std::move(what));
}

void cache::invalidate_behind(invalidation what) {
  engine_->invalidations().invalidate_behind(std::move(what));
}

task<invalidation_result> cache::remove(const key& key) {
  return invalidate({.keys = {key}});
}

task<invalidation_result> cache::remove(std::vector<key> keys) {
  return invalidate({.keys = std::move(keys)});
}

task<invalidation_result> cache::remove_by_tag(std::string_view tag) {
  return invalidate({.tags = {std::string(tag)}});
}

task<invalidation_result> cache::remove_by_tags(std::vector<std::string> tags) {
  return invalidate({.tags = std::move(tags)});
}

task<invalidation_result> cache::remove_by_prefix(std::string_view prefix) {
  return invalidate({.prefixes = {std::string(prefix)}});
}

task<invalidation_result> cache::expire(const key& key) {
  return invalidate({.keys = {key}, .soft = true});
}

task<invalidation_result> cache::expire(std::vector<key> keys) {
  return invalidate({.keys = std::move(keys), .soft = true});
}

task<invalidation_result> cache::expire_by_tag(std::string_view tag) {
  return invalidate({.tags = {std::string(tag)}, .soft = true});
}

task<invalidation_result> cache::expire_by_prefix(std::string_view prefix) {
  return invalidate({.prefixes = {std::string(prefix)}, .soft = true});
}

task<invalidation_result> cache::expire_all() {
  return invalidate({.everything = true, .soft = true});
}

task<invalidation_result> cache::remove_pattern(std::string_view glob) {
  if (glob == "*") return clear();
  if (const auto prefix = glob_prefix(glob)) return remove_by_prefix(*prefix);
  return engine_->invalidations().remove_matching(std::string(glob));
}

task<invalidation_result> cache::clear() {
  return invalidate({.everything = true});
}

task<bool> cache::touch(const key& key, duration ttl) {
  return engine_->writes().touch(key, ttl);
}

consistency_token cache::latest_write() const noexcept {
  return engine_->latest_write();
}

commit_time cache::required_asof(const consistency_token& token) {
  return engine_->required_asof(token);
}

void coherence_control::trust(time_point until, time_point source_watermark) noexcept {
  engine_->invalidations().trust_until(until, source_watermark);
}

task<explanation> cache::explain(const key& key) {
  return engine_->explain(key);
}

std::vector<value_count> cache::preview(const invalidation& what,
                                        const std::vector<std::string>& globs) const {
  return engine_->preview(what, globs);
}

cache_stats cache::stats() const {
  return engine_->stats();
}

void cache::enable() {
  engine_->enable(true);
}

void cache::disable() {
  engine_->enable(false);
}

bool cache::enabled() const noexcept {
  return engine_->enabled();
}

void cache::maintain() {
  engine_->maintain();
}

void cache::resize(byte_size memory) {
  engine_->resize(memory);
}

}  // namespace strata
