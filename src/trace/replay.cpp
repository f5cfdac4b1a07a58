// Replays a trace in the memory cache itself, not in a model of it that could differ.

#include <strata/key.hpp>
#include <strata/trace.hpp>

#include "engine/record.hpp"
#include "memory/table.hpp"
#include "trace/number_cell.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdlib>

namespace strata {

namespace {

/// As often as a gateway calls cache::maintain.
constexpr duration between_sweeps = std::chrono::seconds(1);
constexpr unsigned steps_per_sweep = 256;

double share(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double replay_result::object_miss_ratio() const noexcept {
  return share(misses, requests);
}
double replay_result::byte_miss_ratio() const noexcept {
  return share(missed_size.count, requested_size.count);
}

/// The common part of the two ways to count: time and counters.
class trace_replay::model {
 public:
  explicit model(bool ttls) : ttls_(ttls) {}
  virtual ~model() = default;

  void add(const trace_request& request) {
    now_ = std::max(now_, time_point(request.time));
    if (now_ >= next_sweep_) {
      sweep(now_);
      next_sweep_ = now_ + between_sweeps;
    }
    ++counted_.requests;
    counted_.requested_size.count += request.size.count;
    const auto hash = hash_of(request.key);
    if (hit(hash, request.key, now_)) return;
    ++counted_.misses;
    counted_.missed_size.count += request.size.count;
    const bool ends = ttls_ && request.ttl > duration::zero();
    store(hash, request, ends ? now_ + request.ttl : time_point::max(), now_);
  }

  virtual replay_result result() const = 0;

 protected:
  const replay_result& counted() const noexcept { return counted_; }

 private:
  virtual bool hit(std::uint64_t hash, std::string_view key, time_point now) = 0;
  virtual void store(std::uint64_t hash, const trace_request& request, time_point drop_at,
                     time_point now) = 0;
  virtual void sweep(time_point now) = 0;

  const bool ttls_;
  replay_result counted_;
  time_point now_{};
  time_point next_sweep_{};
};

/// L1 of a cache of that size: the same table and the same charges, but no values.
class trace_replay::whole_cache final : public model {
 public:
  explicit whole_cache(const replay_options& options)
      : model(options.ttls),
        table_({.budget = options.size,
                .policy = memory::maker_of(options.policy),
                .wanted = options.objective}) {}

  replay_result result() const override {
    auto out = counted();
    const auto now = table_.stats();
    out.evictions = now.evictions;
    out.expirations = now.expirations;
    out.rejected = now.rejected;
    out.entries = now.entries;
    out.used = {now.bytes};
    return out;
  }

 private:
  bool hit(std::uint64_t hash, std::string_view key, time_point now) override {
    return table_.find(hash, key, now) != nullptr;
  }
  void store(std::uint64_t hash, const trace_request& request, time_point drop_at, time_point now) override {
    static const int something = 0;
    table_.insert(hash, request.key,
                  {.value = {std::shared_ptr<const void>(), &something},
                   .bytes = overhead_ + request.size.count,
                   .drop_at = drop_at},
                  now);
  }
  void sweep(time_point now) override { table_.sweep(now); }

  const std::size_t overhead_ = detail::overhead_of(detail::record());
  memory::table table_;
};

/// One shard in which only sizes count, so that policies alone are compared. Two keys with the same hash
/// count as one, which happens for one pair in 2^64.
class trace_replay::bare_policy final : public model {
 public:
  explicit bare_policy(const replay_options& options)
      : model(options.ttls),
        shard_({.budget = options.size.count,
                .counts = memory::accounting::charges,
                .wanted = options.objective},
               memory::maker_of(options.policy), unread_) {}

  replay_result result() const override {
    auto out = counted();
    const auto& now = shard_.counters();
    out.evictions = now.evictions;
    out.expirations = now.expirations;
    out.rejected = now.rejected;
    out.entries = now.entries;
    out.used = {now.bytes};
    return out;
  }

 private:
  static std::int64_t count_of(time_point when) noexcept { return when.time_since_epoch().count(); }

  bool hit(std::uint64_t hash, std::string_view, time_point now) override {
    return shard_.find(detail::mixed(hash), hash, count_of(now)) != nullptr;
  }
  void store(std::uint64_t hash, const trace_request& request, time_point drop_at, time_point now) override {
    shard_.insert(
        detail::mixed(hash), hash, std::uint64_t{0}, request.size.count, count_of(drop_at), count_of(now),
        [](const detail::number_cell*) { return true; }, detail::forget{});
  }
  void sweep(time_point now) override { shard_.expire(count_of(now), steps_per_sweep, detail::forget{}); }

  memory::view<detail::number_cell> unread_;  ///< one thread needs none
  memory::shard<detail::number_cell> shard_;
};

trace_replay::trace_replay(replay_options options) {
  if (options.counts == replay_counts::memory) {
    model_ = std::make_unique<whole_cache>(options);
  } else {
    model_ = std::make_unique<bare_policy>(options);
  }
}
trace_replay::trace_replay(trace_replay&&) noexcept = default;
trace_replay& trace_replay::operator=(trace_replay&&) noexcept = default;
trace_replay::~trace_replay() = default;

void trace_replay::add(const trace_request& request) {
  model_->add(request);
}
replay_result trace_replay::result() const {
  return model_->result();
}

struct trace_census::seen {
  boost::unordered_flat_set<std::uint64_t> hashes;
};

trace_census::trace_census() : seen_(std::make_unique<seen>()) {
}
trace_census::~trace_census() = default;

void trace_census::add(const trace_request& request) {
  ++requests_;
  requested_size_.count += request.size.count;
  if (request.size.count != 1) has_sizes_ = true;
  if (seen_->hashes.insert(hash_of(request.key)).second) size_.count += request.size.count;
}

std::uint64_t trace_census::objects() const noexcept {
  return seen_->hashes.size();
}

}  // namespace strata
