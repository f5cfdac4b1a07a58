#include "tests/consistency/checker.hpp"

#include <strata/lookup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <queue>
#include <unordered_map>

namespace strata::consistency {

namespace {

constexpr auto never = std::numeric_limits<nanoseconds>::max();

struct version {
  std::int64_t stamp = 0;
  bool there = false;
  nanoseconds begun = 0;             ///< it was not committed before this
  nanoseconds acknowledged = 0;      ///< `never`: the reply was lost
  nanoseconds next_certain = never;  ///< from then on, the next version was certainly committed
  what by = what::nothing;
};

struct seen {
  const record* read;
  std::uint32_t process;
};

/// The cache key of the read: a row and a list that contains it have different keys.
int cached_as(what kind) {
  return kind == what::list ? 1 : kind == what::query ? 2 : 0;
}

struct write_times {
  nanoseconds begun = 0;
  nanoseconds acknowledged = never;
  what by = what::nothing;
};

class judge_of_key {
 public:
  judge_of_key(std::uint32_t key, std::vector<version> versions, std::vector<seen> reads,
               const std::vector<process_log>& logs, nanoseconds bound, nanoseconds began, verdict& into)
      : key_(key),
        versions_(std::move(versions)),
        reads_(std::move(reads)),
        logs_(logs),
        bound_(bound),
        began_(began),
        into_(into) {
    date();
  }

  void fresh() {
    for (const auto& each : reads_) {
      const auto& read = *each.read;
      if (read.is == what::rest || read.is == what::fill) continue;
      const auto found = latest(read);
      if (!found) {
        report("a value that was never committed", each, -1);
        continue;
      }
      const auto missed = read.begun - versions_[*found].next_certain;
      if (read.stale) {
        into_.stale_marked_most = std::max(into_.stale_marked_most, missed);
        continue;
      }
      if (missed <= 0) continue;
      into_.staleness.push_back(missed);
      if (missed > bound_) report("older than the bound", each, missed);
    }
  }

  /// Monotonic reads per process: no later read misses a version that an earlier read returned.
  void in_order() {
    std::map<std::pair<std::uint32_t, int>, std::vector<seen>> by_place;
    for (const auto& each : reads_) {
      if (!each.read->stale && each.read->is != what::rest && each.read->is != what::fill) {
        by_place[{each.process, cached_as(each.read->is)}].push_back(each);
      }
    }
    for (auto& [place, reads] : by_place) in_order_at(reads);
  }

  void own_writes(const std::vector<std::pair<seen, std::int64_t>>& writes) {
    for (const auto& each : reads_) {
      const auto& read = *each.read;
      if (read.session == 0) continue;
      std::optional<std::size_t> least;
      bool elsewhere = false;
      for (const auto& [write, stamp] : writes) {
        if (write.read->session != read.session || write.read->ended > read.begun) continue;
        const auto of = at_stamp(stamp);
        if (!of || (least && *of <= *least)) continue;
        least = of;
        elsewhere = write.process != each.process;
      }
      if (!least) continue;
      ++into_.own_writes;
      if (elsewhere) ++into_.moved;
      if (!from(read, *least)) {
        report(elsewhere ? "its own write of another process not seen" : "its own write not seen", each,
               read.begun - versions_[*least].acknowledged);
      }
    }
  }

  void at_rest() {
    for (const auto& each : reads_) {
      if (each.read->is != what::rest && each.read->is != what::fill) continue;
      ++into_.at_rest;
      if (from(*each.read, versions_.size() - 1)) continue;
      const bool filled = each.read->is == what::fill;
      report(filled ? "a wrong read once all is quiet" : "a wrong value cached once all is quiet", each, -1);
    }
  }

 private:
  std::optional<std::size_t> at_stamp(std::int64_t stamp) const {
    const auto at = std::ranges::lower_bound(versions_, stamp, {}, &version::stamp);
    if (at == versions_.end() || at->stamp != stamp) return std::nullopt;
    return static_cast<std::size_t>(at - versions_.begin());
  }

  /// The latest version that the read may have seen.
  std::optional<std::size_t> latest(const record& read) const {
    if (read.stamp != 0) return at_stamp(read.stamp);
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < versions_.size(); ++i) {
      if (!versions_[i].there && versions_[i].begun <= read.ended) found = i;
    }
    return found;
  }

  /// The first version from `least` on that the read may have seen.
  std::optional<std::size_t> from(const record& read, std::size_t least) const {
    if (read.stamp != 0) {
      const auto at = at_stamp(read.stamp);
      return at && *at >= least ? at : std::nullopt;
    }
    for (auto i = least; i < versions_.size(); ++i) {
      if (!versions_[i].there && versions_[i].begun <= read.ended) return i;
    }
    return std::nullopt;
  }

  void date() {
    std::vector<nanoseconds> certain;
    certain.reserve(versions_.size());
    for (const auto& each : versions_) certain.push_back(each.acknowledged);
    for (const auto& each : reads_) {
      if (each.read->stamp == 0) continue;
      if (const auto at = at_stamp(each.read->stamp)) certain[*at] = std::min(certain[*at], each.read->ended);
    }
    auto next = never;
    for (auto i = versions_.size(); i-- > 0;) {
      versions_[i].next_certain = next;
      next = std::min(next, certain[i]);
    }
  }

  void in_order_at(std::vector<seen>& reads) {
    std::ranges::sort(reads, {}, [](const seen& each) { return each.read->begun; });
    // The versions that earlier reads had returned, by the end of those reads.
    using ending = std::pair<nanoseconds, std::size_t>;
    std::priority_queue<ending, std::vector<ending>, std::greater<>> endings;
    std::size_t least = 0;
    for (const auto& each : reads) {
      while (!endings.empty() && endings.top().first < each.read->begun) {
        least = std::max(least, endings.top().second);
        endings.pop();
      }
      if (const auto at = from(*each.read, least)) {
        endings.emplace(each.read->ended, *at);
      } else if (latest(*each.read)) {
        report("back in time", each, each.read->begun - versions_[least].begun);
      }
    }
  }

  void report(const std::string& promise, const seen& by, nanoseconds amount) {
    if (++into_.broken_promises[promise] > 3) return;
    into_.examples.push_back({promise, by.read->begun, story(by, amount)});
  }

  std::string line(const seen& each, bool it) const {
    const auto& read = *each.read;
    return fmt::format(
        "  {:>10.3f}  {} {} of {} from {}{}{}, {:.3f} ms, session {}{}\n",
        static_cast<double>(read.begun - began_) / 1e6, it ? ">>" : "  ",
        read.stamp == 0 ? "nothing" : "version " + std::to_string(read.stamp), logs_[each.process].name,
        name(static_cast<layer>(read.layer)), read.stale ? " (stale)" : "",
        read.is == what::row ? "" : fmt::format(" by {}", what_names[static_cast<int>(read.is.load())]),
        static_cast<double>(read.ended - read.begun) / 1e6, read.session,
        read.marked ? ", at least its mark" : "");
  }

  /// The commits and reads around this one, in order.
  std::string story(const seen& by, nanoseconds amount) const {
    std::vector<std::pair<nanoseconds, std::string>> lines;
    const auto from = by.read->begun - 1500 * millisecond;
    const auto to = by.read->ended + 50 * millisecond;
    for (const auto& each : versions_) {
      const auto known = each.acknowledged == never
                             ? std::string("by no session")
                             : fmt::format("{:.3f}", static_cast<double>(each.acknowledged - began_) / 1e6);
      if (each.begun < from || each.begun > to) {
        if (each.stamp != by.read->stamp || each.stamp == 0) continue;
      }
      lines.emplace_back(
          each.begun, fmt::format("  {:>10.3f}     committed: version {}{} by {}, acknowledged {}\n",
                                  static_cast<double>(each.begun - began_) / 1e6, each.stamp,
                                  each.there ? "" : " (gone)", what_names[static_cast<int>(each.by)], known));
    }
    std::vector<seen> near;
    for (const auto& each : reads_) {
      if (each.process == by.process && each.read->begun >= from && each.read->begun <= to)
        near.push_back(each);
    }
    std::ranges::sort(near, {}, [](const seen& each) { return each.read->begun; });
    const auto at = std::ranges::find(near, by.read, &seen::read) - near.begin();
    for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(0, at - 12);
         i < std::min<std::ptrdiff_t>(at + 3, std::ssize(near)); ++i) {
      lines.emplace_back(near[static_cast<std::size_t>(i)].read->begun,
                         line(near[static_cast<std::size_t>(i)], i == at));
    }
    std::ranges::sort(lines);
    std::string out = fmt::format("row n{}", key_);
    if (amount >= 0) out += fmt::format(", by {:.3f} ms", static_cast<double>(amount) / 1e6);
    out += " (milliseconds since the run began):\n";
    for (auto& each : lines) out += each.second;
    return out;
  }

  std::uint32_t key_;
  std::vector<version> versions_;
  std::vector<seen> reads_;
  const std::vector<process_log>& logs_;
  nanoseconds bound_, began_;
  verdict& into_;
};

void count(const record& each, verdict& into, std::unordered_map<std::int64_t, write_times>& writes) {
  const what kind = each.is;
  const auto* const kind_name = what_names[static_cast<std::size_t>(kind)];
  if (is_write(kind)) {
    auto& by = into.writes[kind_name];
    ++by.tried;
    if (each.acknowledged != 0) ++by.acknowledged;
    writes[each.token] = {each.begun, each.acknowledged == 0 ? never : each.acknowledged, kind};
    return;
  }
  if (kind == what::rest || kind == what::fill) return;
  ++into.reads;
  ++into.reads_by_kind[kind_name];
  constexpr const char* answers = "no read fails that the source could have answered";
  if (each.unanswered && ++into.broken_promises[answers] <= 3) {
    into.examples.push_back({answers, each.begun,
                             fmt::format("a {} of row n{} after {:.3f} ms\n", kind_name, each.key,
                                         static_cast<double>(each.ended - each.begun) / 1e6)});
  }
  if (each.failed) {
    ++into.failed;
  } else if (each.stale) {
    ++into.stale_marked;
    ++into.reads_by_layer["stale"];
  } else {
    ++into.reads_by_layer[std::string(name(static_cast<layer>(each.layer)))];
  }
}

}  // namespace

double verdict::share_within(nanoseconds bound) const {
  const auto fresh = reads - failed - stale_marked;
  if (fresh == 0) return 100;
  const auto over = staleness.end() - std::ranges::upper_bound(staleness, bound);
  return 100.0 * (1.0 - static_cast<double>(over) / static_cast<double>(fresh));
}

nanoseconds verdict::quantile(double share) const {
  const auto fresh = reads - failed - stale_marked;
  const auto at = static_cast<std::uint64_t>(share * static_cast<double>(fresh));
  const auto none = fresh - staleness.size();
  if (at < none || staleness.empty()) return 0;
  return staleness[std::min<std::uint64_t>(at - none, staleness.size() - 1)];
}

verdict judge(const std::vector<history_row>& history, const std::vector<process_log>& logs,
              std::uint32_t keys, nanoseconds bound, nanoseconds began) {
  verdict out;
  std::unordered_map<std::int64_t, write_times> writes;
  std::vector<std::vector<seen>> reads(keys);
  std::vector<std::vector<std::pair<seen, std::int64_t>>> own(keys);
  std::unordered_map<std::int64_t, seen> by_token;
  for (std::uint32_t i = 0; i < logs.size(); ++i) {
    for (const auto& each : logs[i].records) {
      const what kind = each.is;
      if (kind == what::nothing) continue;
      count(each, out, writes);
      if (!is_write(kind)) {
        if (!each.failed) reads[each.key].push_back({&each, i});
      } else if (kind == what::through && each.ended != 0 && !each.failed) {
        by_token.emplace(each.token, seen{&each, i});
      }
    }
  }
  std::vector<std::vector<version>> versions(keys, {version{.acknowledged = 0}});
  for (const auto& row : history) {
    version made{.stamp = row.stamp, .there = row.there};
    if (row.token != 0) {
      const auto by = writes.find(row.token);
      if (by != writes.end()) {
        made.begun = by->second.begun;
        made.acknowledged = by->second.acknowledged;
        made.by = by->second.by;
      } else {
        made.acknowledged = never;
      }
      if (made.acknowledged == never) ++out.writes[what_names[static_cast<std::size_t>(made.by)]].unknown;
    }
    versions[row.key].push_back(made);
    if (const auto by = by_token.find(row.token); by != by_token.end() && by->second.read->key == row.key) {
      own[row.key].emplace_back(by->second, row.stamp);
    }
  }
  for (std::uint32_t key = 0; key < keys; ++key) {
    judge_of_key one(key, std::move(versions[key]), std::move(reads[key]), logs, bound, began, out);
    one.fresh();
    one.in_order();
    one.own_writes(own[key]);
    one.at_rest();
  }
  std::ranges::sort(out.staleness);
  return out;
}

}  // namespace strata::consistency
