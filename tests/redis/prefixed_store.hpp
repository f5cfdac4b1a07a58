#pragma once
/// A store under a name space for a user that does not know it: "k" is "strata:k" there.
/// Threads: as the store behind it; observers are taken and given back by one thread.

#include <strata/rate_limit_store.hpp>
#include <strata/store.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace strata::test {

class prefixed_store : public store, public rate_limit_store {
 public:
  prefixed_store(std::shared_ptr<store> behind, std::string prefix)
      : real_(std::move(behind)), prefix_(std::move(prefix)) {}
  ~prefixed_store() override {
    for (auto& each : observers_) real_->unobserve(*each);
  }

  std::string_view name_space() const noexcept override { return real_->name_space(); }
  task<result<std::optional<stored_value>>> get(std::string_view key) override {
    const auto name = named(key);
    co_return co_await real_->get(name);
  }
  task<result<std::vector<std::optional<stored_value>>>> get_many(
      std::span<const std::string> keys) override {
    const auto names = named(keys);
    co_return co_await real_->get_many(names);
  }
  task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) override {
    const auto name = named(key);
    co_return co_await real_->acquire(name, hold, known);
  }
  task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                         commit_time known) override {
    const auto names = named(keys);
    co_return co_await real_->acquire_many(names, hold, known);
  }
  task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) override {
    const auto name = named(key);
    co_return co_await real_->take_lease(name, hold, known);
  }
  task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) override {
    const auto name = named(key);
    co_return co_await real_->force_lease(name, hold, known);
  }
  task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys, duration hold,
                                                          commit_time known) override {
    const auto names = named(keys);
    co_return co_await real_->force_lease_many(names, hold, known);
  }
  task<result<fill_result>> fill(fill_request value) override {
    const auto name = named(value.key);
    value.key = name;
    co_return co_await real_->fill(value);
  }
  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override {
    std::vector<std::string> names;
    for (const auto& each : fills) names.push_back(named(each.key));
    std::vector<fill_request> renamed(fills.begin(), fills.end());
    for (std::size_t i = 0; i < names.size(); ++i) renamed[i].key = names[i];
    co_return co_await real_->fill_many(renamed);
  }
  task<result<bool>> renew(std::string_view key, lease_token lease, duration hold) override {
    const auto name = named(key);
    co_return co_await real_->renew(name, lease, hold);
  }
  task<result<void>> release(std::string_view key, lease_token lease) override {
    const auto name = named(key);
    co_return co_await real_->release(name, lease);
  }
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override {
    const auto names = named(keys);
    co_return co_await real_->invalidate(names, at_least);
  }
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override {
    const auto names = named(keys);
    co_return co_await real_->expire(names, at_least);
  }
  task<result<taken_value>> take(std::string_view key, commit_time at_least) override {
    const auto name = named(key);
    co_return co_await real_->take(name, at_least);
  }
  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override {
    const auto name = named(glob);
    co_return co_await real_->invalidate_matching(name, at_least);
  }
  task<result<bool>> touch(std::string_view key, duration ttl) override {
    const auto name = named(key);
    co_return co_await real_->touch(name, ttl);
  }
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override {
    return real_->raise(floors);
  }
  task<result<commit_time>> apply(store_invalidation what) override {
    const auto names = named(what.keys);
    what.keys = names;
    co_return co_await real_->apply(what);
  }
  task<result<void>> restore(std::span<const floor_entry> floors) override { return real_->restore(floors); }
  task<result<std::vector<floor_entry>>> floors() override { return real_->floors(); }
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override {
    const auto name = named(key);
    co_return co_await real_->put(name, bytes, ttl);
  }
  task<result<bool>> remove(std::string_view key) override {
    const auto name = named(key);
    co_return co_await real_->remove(name);
  }
  task<result<commit_time>> clear(commit_time at_least) override { return real_->clear(at_least); }

  task<result<relay_watermark>> read_watermark() override { return real_->read_watermark(); }
  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override {
    return real_->advance_watermark(std::move(seen));
  }

  task<result<rate_standing>> charge(rate_charge what) override {
    return rate_limits_of(real_)->charge(what);
  }

  void observe(store_observer& observer) override {
    observers_.push_back(std::make_unique<translator>(observer, prefix_.size()));
    real_->observe(*observers_.back());
  }
  void unobserve(store_observer& observer) override {
    std::erase_if(observers_, [&](const auto& each) {
      if (&each->observer != &observer) return false;
      real_->unobserve(*each);
      return true;
    });
  }

 private:
  struct translator final : store_observer {
    translator(store_observer& to, std::size_t cut) : observer(to), prefix(cut) {}
    void changed(std::string_view key) override { observer.changed(key.substr(prefix)); }
    void replaced(std::string_view key) override { observer.replaced(key.substr(prefix)); }
    void floor_raised(floor_entry floor) override { observer.floor_raised(floor); }
    void lost(bool may_have_forgotten) override { observer.lost(may_have_forgotten); }
    void trust_until(time_point when, time_point since) override { observer.trust_until(when, since); }
    store_observer& observer;
    std::size_t prefix;
  };

  std::string named(std::string_view key) const { return prefix_ + std::string(key); }
  std::vector<std::string> named(std::span<const std::string> keys) const {
    std::vector<std::string> names;
    for (const auto& each : keys) names.push_back(named(each));
    return names;
  }

  const std::shared_ptr<store> real_;
  const std::string prefix_;
  std::vector<std::unique_ptr<translator>> observers_;
};

}  // namespace strata::test
