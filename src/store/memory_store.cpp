/// The store port over this process's memory. One lock: it is the second level of tests and of several caches
/// in one process; the fast memory level is `src/memory`. Long because it implements every operation of the
/// port.

#include "core/glob.hpp"
#include "core/mutex.hpp"
#include "core/text_hash.hpp"

#include <strata/rate_limit_store.hpp>
#include <strata/store.hpp>

#include <algorithm>
#include <map>

namespace strata {

namespace {

/// The memory of one entry beyond its key and bytes, in the map and on the heap.
constexpr std::size_t entry_overhead = 160;

}  // namespace

namespace {
class memory_space;
}

/// What all connections share: the bytes. `mutex` guards everything except the observers, also in the name
/// spaces.
class memory_server {
 public:
  memory_server(const clock& clock, byte_size limit) : time(clock), budget(limit.count) {}
  ~memory_server();

  memory_space& space(const std::string& name);
  /// Drops the entry that is nearest to the end of its life.
  void drop_first() STRATA_REQUIRES(mutex);

  /// By end of life: a key and its name space.
  using endings = std::multimap<time_point, std::pair<memory_space*, std::string>>;

  const clock& time;
  const std::size_t budget;
  detail::mutex mutex;
  endings by_end STRATA_GUARDED_BY(mutex);
  std::size_t used STRATA_GUARDED_BY(mutex) = 0;
  lease_token last_token STRATA_GUARDED_BY(mutex) = 0;
  std::map<std::string, std::unique_ptr<memory_space>> spaces STRATA_GUARDED_BY(mutex);
};

namespace {

/// What the connections of one name space share.
class memory_space {
 public:
  explicit memory_space(memory_server& whole) : all(whole) {}

  struct held_value {
    std::string bytes;
    commit_time asof;
    bool expired;
    memory_server::endings::iterator end;
  };
  struct held_lease {
    lease_token token;
    commit_time floor;
    time_point until;
  };
  using value_map = detail::text_map<std::string, held_value>;

  static std::size_t charge(std::string_view key, std::string_view bytes) {
    return 2 * key.size() + bytes.size() + entry_overhead;
  }

  void drop(value_map::iterator at) STRATA_REQUIRES(all.mutex) {
    all.used -= charge(at->first, at->second.bytes);
    all.by_end.erase(at->second.end);
    values.erase(at);
  }

  /// Drops a value that no caller has replaced or removed. Observers are notified before the next change: a
  /// later removal of all keys that match a pattern does not find it.
  void lose(value_map::iterator at) STRATA_REQUIRES(all.mutex) {
    lost.push_back(at->first);
    drop(at);
  }

  /// The entry of `key`, if its life has not ended.
  value_map::iterator live(std::string_view key) STRATA_REQUIRES(all.mutex) {
    const auto at = values.find(std::string(key));
    if (at != values.end() && at->second.end->first <= all.time.now()) {
      lose(at);
      return values.end();
    }
    return at;
  }

  std::optional<stored_value> find_value(std::string_view key) STRATA_REQUIRES(all.mutex) {
    const auto at = live(key);
    if (at == values.end()) return std::nullopt;
    return stored_value{.bytes = at->second.bytes,
                        .asof = at->second.asof,
                        .ttl = at->second.end->first - all.time.now(),
                        .expired = at->second.expired};
  }

  void reschedule(value_map::iterator at, time_point end) STRATA_REQUIRES(all.mutex) {
    all.by_end.erase(at->second.end);
    at->second.end = all.by_end.emplace(end, std::pair(this, at->first));
  }

  void store_value(std::string_view key, std::string_view bytes, commit_time asof, time_point end)
      STRATA_REQUIRES(all.mutex) {
    if (const auto old = values.find(std::string(key)); old != values.end()) drop(old);
    const auto size = charge(key, bytes);
    if (size > all.budget) return;
    while (all.used + size > all.budget) all.drop_first();
    const auto at = values.emplace(std::string(key), held_value{std::string(bytes), asof, false, {}}).first;
    at->second.end = all.by_end.emplace(end, std::pair(this, at->first));
    all.used += size;
  }

  void learn(commit_time known) STRATA_REQUIRES(all.mutex) { counter = std::max(counter, known); }

  commit_time new_floor(commit_time at_least) STRATA_REQUIRES(all.mutex) {
    counter = std::max(counter + 1, at_least);
    return counter;
  }

  acquire_result acquire(std::string_view key, duration hold) STRATA_REQUIRES(all.mutex) {
    acquire_result out;
    out.value = find_value(key);
    if (out.value) return out;
    const auto held = lease_if_free(key, hold);
    out.lease = held.lease;
    out.granted_at = held.granted_at;
    return out;
  }

  lease_grant lease_if_free(std::string_view key, duration hold) STRATA_REQUIRES(all.mutex) {
    const auto held = leases.find(std::string(key));
    if (held != leases.end() && held->second.until > all.time.now()) return {.granted_at = counter};
    return new_lease(key, hold);
  }

  lease_grant new_lease(std::string_view key, duration hold) STRATA_REQUIRES(all.mutex) {
    forget_old_leases();
    // A lease that is taken over keeps its floor: what was invalidated stays invalidated.
    auto& held = leases.try_emplace(std::string(key), held_lease{0, 0, {}}).first->second;
    held.token = ++all.last_token;
    held.until = all.time.now() + hold;
    return {.lease = held.token, .granted_at = counter};
  }

  /// Leases end by fill or release; the others are dropped when the table doubles.
  void forget_old_leases() STRATA_REQUIRES(all.mutex) {
    if (leases.size() < lease_sweep_at) return;
    std::erase_if(leases, [now = all.time.now()](const auto& each) { return each.second.until <= now; });
    lease_sweep_at = std::max<std::size_t>(1024, 2 * leases.size());
  }

  rate_standing charge(const rate_charge& what) STRATA_REQUIRES(all.mutex) {
    const auto now = all.time.now();
    forget_full_buckets(now);
    // 128 bits: a window of a day times many requests must not wrap.
    __extension__ using wide = __int128;
    const auto interval_of = [&](wide count) {
      return count * what.window.count() / static_cast<wide>(what.limit);
    };
    const wide whole = std::max<wide>(1, interval_of(what.burst));
    auto& arrival = buckets[std::string(what.bucket)];
    const auto ahead_of = [&](time_point since) {
      return std::clamp<wide>((arrival - now).count(), (since - now).count(), 2 * whole);
    };
    wide ahead = ahead_of(what.taken == 0 ? now : now - what.age);
    ahead = std::clamp<wide>(ahead + interval_of(what.taken), 0, 2 * whole);
    const bool allowed = what.wanted <= what.burst && ahead + interval_of(what.wanted) <= whole;
    if (allowed) ahead += interval_of(what.wanted);
    arrival = now + duration(static_cast<duration::rep>(ahead));
    return {.allowed = allowed, .ahead = arrival - now};
  }

  /// A bucket that is full again is as good as none.
  void forget_full_buckets(time_point now) STRATA_REQUIRES(all.mutex) {
    if (buckets.size() < bucket_sweep_at) return;
    std::erase_if(buckets, [&](const auto& each) { return each.second <= now; });
    bucket_sweep_at = std::max<std::size_t>(1024, 2 * buckets.size());
  }

  fill_result fill(const fill_request& value, std::vector<std::string>& changed) {
    detail::scoped_lock lock(all.mutex);
    learn(value.asof);
    const auto held = leases.find(std::string(value.key));
    if (held == leases.end() || held->second.token != value.lease || held->second.until <= all.time.now()) {
      return fill_result::lease_lost;
    }
    const auto floor = held->second.floor;
    leases.erase(held);
    changed.emplace_back(value.key);  // refused or not: no caller should wait for the lease any more
    if (value.asof < floor) return fill_result::below_floor;
    const auto at = live(value.key);
    if (at != values.end() && at->second.asof > value.asof) return fill_result::older;
    store_value(value.key, value.bytes, value.asof, all.time.now() + value.ttl);
    return fill_result::stored;
  }

  void raise_lease(const std::string& key, commit_time floor) STRATA_REQUIRES(all.mutex) {
    if (const auto held = leases.find(key); held != leases.end()) {
      held->second.floor = std::max(held->second.floor, floor);
    }
  }

  /// Returns whether a value was there.
  bool invalidate_one(const std::string& key, commit_time floor, bool soft) STRATA_REQUIRES(all.mutex) {
    raise_lease(key, floor);
    const auto at = live(key);
    if (at == values.end()) return false;
    if (soft) {
      at->second.expired = true;
    } else {
      drop(at);
    }
    return true;
  }

  relay_watermark read_watermark() const STRATA_REQUIRES(all.mutex) {
    return {.value = watermark, .life = "1"};
  }

  /// Notifies every observer except those of `origin`, which made the change.
  template <class Notify>
  void announce(const store* origin, Notify notify) {
    detail::scoped_lock lock(observers_mutex);
    for (const auto& [observer, connection] : observers) {
      if (connection != origin) notify(*observer);
    }
  }
  enum class change : std::uint8_t { removed, replaced };
  void announce_changed(const store* origin, const std::vector<std::string>& changed, change what) {
    announce_lost();
    if (changed.empty()) return;
    announce(origin, [&](store_observer& observer) {
      for (const auto& key : changed) {
        if (what == change::replaced) {
          observer.replaced(key);
        } else {
          observer.changed(key);
        }
      }
    });
  }
  void announce_lost() {
    std::vector<std::string> keys;
    {
      detail::scoped_lock lock(all.mutex);
      keys.swap(lost);
      std::erase_if(keys, [&](const auto& key) STRATA_NO_ANALYSIS { return values.contains(key); });
    }
    if (keys.empty()) return;
    announce(nullptr, [&](store_observer& observer) {
      for (const auto& key : keys) observer.changed(key);
    });
  }

  memory_server& all;
  value_map values STRATA_GUARDED_BY(all.mutex);
  detail::text_map<std::string, held_lease> leases STRATA_GUARDED_BY(all.mutex);
  std::size_t lease_sweep_at STRATA_GUARDED_BY(all.mutex) = 1024;
  std::vector<std::string> lost STRATA_GUARDED_BY(all.mutex);  ///< keys whose loss is not announced yet
  detail::text_map<std::string, time_point> buckets STRATA_GUARDED_BY(all.mutex);
  std::size_t bucket_sweep_at STRATA_GUARDED_BY(all.mutex) = 1024;
  std::map<std::pair<std::uint32_t, bool>, commit_time> floors STRATA_GUARDED_BY(all.mutex);
  commit_time counter STRATA_GUARDED_BY(all.mutex) = 0;
  std::uint64_t watermark STRATA_GUARDED_BY(all.mutex) = 0;
  detail::mutex observers_mutex;
  std::vector<std::pair<store_observer*, const store*>> observers STRATA_GUARDED_BY(observers_mutex);
};

}  // namespace

memory_server::~memory_server() = default;

memory_space& memory_server::space(const std::string& name) {
  detail::scoped_lock lock(mutex);
  auto& found = spaces[name];
  if (found == nullptr) found = std::make_unique<memory_space>(*this);
  return *found;
}

// Not analysed: the compiler cannot know that the space's `all.mutex` is this mutex.
void memory_server::drop_first() STRATA_NO_ANALYSIS {
  const auto [of, key] = by_end.begin()->second;
  of->lose(of->values.find(key));
}

namespace {

class memory_connection final : public store, public rate_limit_store {
 public:
  memory_connection(std::shared_ptr<memory_server> server, std::string name_space)
      : name_space_(std::move(name_space)), server_(std::move(server)), space_(server_->space(name_space_)) {}

  std::string_view name_space() const noexcept override { return name_space_; }

  task<result<std::optional<stored_value>>> get(std::string_view key) override {
    detail::scoped_lock lock(space_.all.mutex);
    return result<std::optional<stored_value>>(space_.find_value(key));
  }

  task<result<std::vector<std::optional<stored_value>>>> get_many(
      std::span<const std::string> keys) override {
    detail::scoped_lock lock(space_.all.mutex);
    std::vector<std::optional<stored_value>> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(space_.find_value(key));
    return result<std::vector<std::optional<stored_value>>>(std::move(out));
  }

  task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) override {
    detail::scoped_lock lock(space_.all.mutex);
    space_.learn(known);
    return result<acquire_result>(space_.acquire(key, hold));
  }

  task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                         commit_time known) override {
    detail::scoped_lock lock(space_.all.mutex);
    space_.learn(known);
    std::vector<acquire_result> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(space_.acquire(key, hold));
    return result<std::vector<acquire_result>>(std::move(out));
  }

  task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) override {
    detail::scoped_lock lock(space_.all.mutex);
    space_.learn(known);
    return result<lease_grant>(space_.lease_if_free(key, hold));
  }

  task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) override {
    detail::scoped_lock lock(space_.all.mutex);
    space_.learn(known);
    return result<lease_grant>(space_.new_lease(key, hold));
  }

  task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys, duration hold,
                                                          commit_time known) override {
    detail::scoped_lock lock(space_.all.mutex);
    space_.learn(known);
    std::vector<lease_grant> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(space_.new_lease(key, hold));
    return result<std::vector<lease_grant>>(std::move(out));
  }

  task<result<fill_result>> fill(fill_request value) override {
    std::vector<std::string> changed;
    const auto done = space_.fill(value, changed);
    space_.announce_changed(this, changed, memory_space::change::replaced);
    return result<fill_result>(done);
  }

  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override {
    std::vector<std::string> changed;
    std::vector<fill_result> done;
    done.reserve(fills.size());
    for (const auto& each : fills) done.push_back(space_.fill(each, changed));
    space_.announce_changed(this, changed, memory_space::change::replaced);
    return result<std::vector<fill_result>>(std::move(done));
  }

  task<result<void>> release(std::string_view key, lease_token lease) override {
    std::vector<std::string> ended;
    {
      detail::scoped_lock lock(space_.all.mutex);
      const auto held = space_.leases.find(std::string(key));
      if (held != space_.leases.end() && held->second.token == lease) {
        space_.leases.erase(held);
        ended.emplace_back(key);
      }
    }
    space_.announce_changed(this, ended, memory_space::change::replaced);
    return result<void>();
  }

  task<result<bool>> renew(std::string_view key, lease_token lease, duration hold) override {
    detail::scoped_lock lock(space_.all.mutex);
    const auto held = space_.leases.find(std::string(key));
    const auto at = server_->time.now();
    const bool ours = held != space_.leases.end() && held->second.token == lease && held->second.until > at;
    if (ours) held->second.until = at + hold;
    return result<bool>(ours);
  }

  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override {
    return apply({.keys = keys, .at_least = at_least});
  }

  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override {
    return apply({.keys = keys, .soft = true, .at_least = at_least});
  }

  task<result<taken_value>> take(std::string_view key, commit_time at_least) override {
    const std::string name(key);
    taken_value out;
    {
      detail::scoped_lock lock(space_.all.mutex);
      out.floor = space_.new_floor(at_least);
      out.value = space_.find_value(key);
      space_.invalidate_one(name, out.floor, false);
    }
    space_.announce_changed(this, {name}, memory_space::change::removed);
    return result<taken_value>(std::move(out));
  }

  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override {
    std::vector<std::string> matching;
    sweep_result done;
    {
      detail::scoped_lock lock(space_.all.mutex);
      const auto floor = done.floor = space_.new_floor(at_least);
      for (const auto& [key, each] : space_.values) {
        if (glob_matches(glob, key)) matching.push_back(key);
      }
      for (const auto& key : matching) done.removed += space_.invalidate_one(key, floor, false) ? 1 : 0;
      for (auto& [key, held] : space_.leases) {
        if (glob_matches(glob, key)) held.floor = std::max(held.floor, floor);
      }
    }
    space_.announce_changed(this, matching, memory_space::change::removed);
    return result<sweep_result>(done);
  }

  task<result<bool>> touch(std::string_view key, duration ttl) override {
    detail::scoped_lock lock(space_.all.mutex);
    const auto at = space_.live(key);
    if (at == space_.values.end()) return result<bool>(false);
    space_.reschedule(at, server_->time.now() + ttl);
    return result<bool>(true);
  }

  task<result<commit_time>> raise(std::span<const floor_entry> floors) override {
    return apply({.floors = floors});
  }

  task<result<commit_time>> apply(store_invalidation what) override {
    std::vector<floor_entry> raised(what.floors.begin(), what.floors.end());
    auto floor = what.at_least;
    {
      detail::scoped_lock lock(space_.all.mutex);
      for (const auto& each : raised) floor = std::max(floor, each.asof);
      floor = space_.new_floor(floor);
      for (const auto& key : what.keys) space_.invalidate_one(key, floor, what.soft);
      for (auto& each : raised) space_.floors[{each.bucket, each.soft}] = each.asof = floor;
    }
    space_.announce_changed(this, {what.keys.begin(), what.keys.end()},
                            what.soft ? memory_space::change::replaced : memory_space::change::removed);
    announce_floors(raised);
    return result<commit_time>(floor);
  }

  task<result<void>> restore(std::span<const floor_entry> floors) override {
    {
      detail::scoped_lock lock(space_.all.mutex);
      for (const auto& each : floors) {
        auto& floor = space_.floors[{each.bucket, each.soft}];
        floor = std::max(floor, each.asof);
        space_.learn(each.asof);
      }
    }
    announce_floors(floors);
    return result<void>();
  }

  task<result<std::vector<floor_entry>>> floors() override {
    detail::scoped_lock lock(space_.all.mutex);
    std::vector<floor_entry> out;
    out.reserve(space_.floors.size());
    for (const auto& [bucket, asof] : space_.floors) {
      out.push_back({.bucket = bucket.first, .asof = asof, .soft = bucket.second});
    }
    return result<std::vector<floor_entry>>(std::move(out));
  }

  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override {
    {
      detail::scoped_lock lock(space_.all.mutex);
      space_.store_value(key, bytes, 0, server_->time.now() + ttl);
    }
    space_.announce_lost();
    return result<void>();
  }

  task<result<bool>> remove(std::string_view key) override {
    std::vector<std::string> changed;
    {
      detail::scoped_lock lock(space_.all.mutex);
      if (const auto at = space_.live(key); at != space_.values.end()) {
        changed.push_back(at->first);
        space_.drop(at);
      }
    }
    space_.announce_changed(this, changed, memory_space::change::removed);
    return result<bool>(!changed.empty());
  }

  task<result<commit_time>> clear(commit_time at_least) override {
    commit_time floor = 0;
    {
      detail::scoped_lock lock(space_.all.mutex);
      floor = space_.new_floor(at_least);
      while (!space_.values.empty()) space_.drop(space_.values.begin());
      space_.leases.clear();
    }
    space_.announce(nullptr, [](store_observer& observer) { observer.lost(false); });
    return result<commit_time>(floor);
  }

  task<result<relay_watermark>> read_watermark() override {
    detail::scoped_lock lock(space_.all.mutex);
    return result<relay_watermark>(space_.read_watermark());
  }

  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override {
    detail::scoped_lock lock(space_.all.mutex);
    std::optional<relay_watermark> out;
    if (seen == space_.read_watermark()) {
      ++space_.watermark;
      out = space_.read_watermark();
    }
    return result<std::optional<relay_watermark>>(std::move(out));
  }

  task<result<rate_standing>> charge(rate_charge what) override {
    detail::scoped_lock lock(space_.all.mutex);
    return result<rate_standing>(space_.charge(what));
  }

  void observe(store_observer& observer) override {
    detail::scoped_lock lock(space_.observers_mutex);
    space_.observers.emplace_back(&observer, this);
    observer.trust_until(time_point::max(), time_point::min());
  }

  void unobserve(store_observer& observer) override {
    detail::scoped_lock lock(space_.observers_mutex);
    std::erase_if(space_.observers, [&](const auto& each) { return each.first == &observer; });
  }

 private:
  void announce_floors(std::span<const floor_entry> floors) {
    space_.announce(this, [&](store_observer& observer) {
      for (const auto& each : floors) observer.floor_raised(each);
    });
  }

  const std::string name_space_;
  std::shared_ptr<memory_server> server_;
  memory_space& space_;
};

}  // namespace

std::shared_ptr<memory_server> make_memory_server(const clock& time, byte_size budget) {
  return std::make_shared<memory_server>(time, budget);
}

std::shared_ptr<store> connect(std::shared_ptr<memory_server> server, const std::string& name_space) {
  return std::make_shared<memory_connection>(std::move(server), name_space);
}

}  // namespace strata
