/// Drops the caller of every operation after every step, in every shape that its wait can have. The callers
/// beside it must not notice, nothing may be left behind, and what the operation changes must be changed or
/// removed. Under a manual clock, on one thread.

#include "tests/drops/stage.hpp"

#include <gtest/gtest.h>

namespace strata::drops {
namespace {

using namespace std::chrono_literals;

struct operation {
  std::string name;
  std::function<task<>(stage&)> run;
  bool changes = false;  ///< what is cached; then the source has changed before
};

using keys = std::vector<typed_key<std::string>>;

keys both(const stage& at) {
  return {at.key(), at.key("second")};
}

template <class Task>
task<> drive(Task work) {
  (void)co_await std::move(work);
}

std::vector<operation> reads() {
  return {
      {"get", [](stage& at) { return drive(at.cache().get(at.key())); }},
      {"get_or_set", [](stage& at) { return drive(at.cache().get_or_set(at.key(), at.load())); }},
      {"refresh", [](stage& at) { return drive(at.cache().refresh(at.key(), at.load())); }},
      {"get_many", [](stage& at) { return drive(at.cache().get_many(both(at))); }},
      {"get_or_set_many",
       [](stage& at) {
         return drive(at.cache().get_or_set_many(both(at), [&at](std::span<const std::size_t> missing) {
           return at.source.load_many(missing.size());
         }));
       }},
      {"touch", [](stage& at) { return drive(at.cache().touch(at.key(), 30s)); }},
      {"explain", [](stage& at) { return drive(at.cache().explain(at.key().key)); }},
  };
}

task<> write(stage& at, bool exists) {
  auto begun = at.cache().begin_write(at.key());
  auto ticket = co_await std::move(begun);
  at.source.version = exists ? 2 : 0;
  auto value = exists ? std::make_shared<const std::string>(*at.source.value()) : nullptr;
  auto stored = at.cache().set_committed(std::move(ticket), at.key(), std::move(value));
  co_await std::move(stored);
}

std::vector<operation> changes() {
  const auto all = [](const char* name, auto call) {
    return operation{name, [call](stage& at) { return drive(call(at)); }, true};
  };
  return {
      all("set", [](stage& at) { return at.cache().set(at.key(), *at.source.value()); }),
      all("set_many",
          [](stage& at) {
            return at.cache().set_many<std::string>(
                {{at.key(), *at.source.value()}, {at.key("second"), "any"}});
          }),
      all("remove", [](stage& at) { return at.cache().remove(at.key()); }),
      all("remove keys",
          [](stage& at) { return at.cache().remove(std::vector{at.key().key, at.key("second").key}); }),
      all("remove_by_tag", [](stage& at) { return at.cache().remove_by_tag("all"); }),
      all("remove_by_tags", [](stage& at) { return at.cache().remove_by_tags({"all", "others"}); }),
      all("remove_by_prefix", [](stage& at) { return at.cache().remove_by_prefix("item"); }),
      all("remove_pattern", [](stage& at) { return at.cache().remove_pattern(at.glob()); }),
      all("clear", [](stage& at) { return at.cache().clear(); }),
      all("expire", [](stage& at) { return at.cache().expire(at.key()); }),
      all("expire_by_tag", [](stage& at) { return at.cache().expire_by_tag("all"); }),
      all("expire_by_prefix", [](stage& at) { return at.cache().expire_by_prefix("item"); }),
      all("expire_all", [](stage& at) { return at.cache().expire_all(); }),
      all("invalidate",
          [](stage& at) { return at.cache().invalidate({.keys = {at.key().key}, .tags = {"others"}}); }),
  };
}

/// Operations that change the source themselves.
std::vector<operation> writes() {
  return {{"begin_write and set_committed", [](stage& at) { return write(at, true); }},
          {"begin_write and set_committed, of nothing", [](stage& at) { return write(at, false); }},
          {"set_absent", [](stage& at) {
             at.source.version = 0;
             return drive(at.cache().set_absent(at.key()));
           }}};
}

strata::policy plain() {
  return {.ttl = 60s, .jitter = 0, .tags = {"all"}};
}
strata::policy with_timeouts(duration soft, duration hard) {
  auto out = plain();
  out.fail_safe = soft > duration::zero();
  out.soft_timeout = soft;
  out.hard_timeout = hard;
  return out;
}

std::vector<shape> shapes() {
  std::vector<shape> out;
  const auto add = [&](shape one) {
    if (one.policy.tags.empty()) one.policy = plain();
    out.push_back(one);
    one.name += ", without an executor";
    one.on_executor = false;
    out.push_back(one);
  };
  add({.name = "alone"});
  add({.name = "leader", .followed = true});
  add({.name = "follower", .fill_before = true});
  add({.name = "in a queue", .crowded = true});
  add({.name = "hard timeout", .policy = with_timeouts(0s, 200ms)});
  add({.name = "hard timeout, too slow", .slow_source = true, .policy = with_timeouts(0s, 200ms)});
  add({.name = "soft timeout, too slow",
       .cached = true,
       .expired = true,
       .slow_source = true,
       .policy = with_timeouts(100ms, 400ms)});
  add({.name = "follower with timeouts",
       .fill_before = true,
       .followed = true,
       .slow_source = true,
       .policy = with_timeouts(100ms, 400ms)});
  for (const bool late : {false, true}) {
    const std::string when = late ? ", late answers" : "";
    const auto with_store = [&](shape one) {
      one.name += when;
      one.second_level = true;
      one.answers_late = late;
      add(one);
    };
    with_store({.name = "L2"});
    with_store({.name = "L2, cached", .cached = true});
    with_store({.name = "L2, expired", .cached = true, .expired = true});
    with_store({.name = "L2, leader", .cached = true, .expired = true, .followed = true});
    with_store({.name = "L2, follower", .fill_before = true, .followed = true});
    with_store({.name = "L2, follower of a read of L2", .set_elsewhere = true, .fill_before = true});
    with_store({.name = "L2, another process fills", .fill_elsewhere = true, .followed = true});
    with_store({.name = "L2, recovery", .cached = true, .followed = true, .lost = true});
    with_store({.name = "L2, timeouts", .followed = true, .policy = with_timeouts(100ms, 400ms)});
  }
  return out;
}

class Drops : public ::testing::TestWithParam<shape> {
 protected:
  void begin(const operation& what) {
    at_.prepare();
    at_.may_be_stale = !what.changes;
    if (what.changes) at_.source.version = 2;
    at_.begin(what.run);
  }

  /// How many steps `what` takes undisturbed.
  unsigned steps_of(const operation& what) {
    begin(what);
    unsigned steps = 0;
    for (; !at_.caller_done() && at_.step(); ++steps) {
    }
    EXPECT_TRUE(at_.caller_done()) << what.name;
    EXPECT_EQ(at_.verdict(), "") << what.name << ", not dropped";
    return steps;
  }

  void drop_everywhere(const operation& what) {
    const auto steps = steps_of(what);
    for (unsigned before = 0; before < steps; ++before) {
      begin(what);
      for (unsigned i = 0; i < before; ++i) at_.step();
      at_.drop();
      EXPECT_EQ(at_.verdict(), "") << what.name << ", dropped after " << before << " of " << steps
                                   << " steps";
    }
  }

  stage at_{GetParam()};
};

TEST_P(Drops, OfReadersLeaveTheOthersAlone) {
  for (const auto& each : reads()) drop_everywhere(each);
}

TEST_P(Drops, OfInvalidationsDoNotStopThem) {
  for (const auto& each : changes()) drop_everywhere(each);
}

TEST_P(Drops, OfWritersLeaveNoOldValue) {
  for (const auto& each : writes()) drop_everywhere(each);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Drops, ::testing::ValuesIn(shapes()), [](const auto& each) {
  std::string name;
  for (const char c : each.param.name) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace strata::drops
