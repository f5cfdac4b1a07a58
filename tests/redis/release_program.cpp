/// One of two releases of a program: the second has added a member to the type that both store.
///
///   release_program URL
///
/// Reads ten keys of the store at URL, prints "called" each time the factory runs, then "value: " and the
/// text of the last value.

#include <strata/strata.hpp>

#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

struct agent {
  std::string id;
#if STRATA_TEST_RELEASE == 2
  std::string added = "unknown";
#endif
};
#if STRATA_TEST_RELEASE == 2
BOOST_DESCRIBE_STRUCT(agent, (), (id, added))
#else
BOOST_DESCRIBE_STRUCT(agent, (), (id))
#endif

int main(int count, char** words) {
  if (count != 2) return 2;
  const auto opened = strata::open_store(words[1]);
  if (!opened) return 2;
  strata::cache cache({.second_level = *opened});
  const auto in_use = [&] {
    const auto now = cache.stats().second_level;
    return now.state == strata::second_level_state::up && now.coherent;
  };
  while (!in_use()) std::this_thread::sleep_for(1ms);

  const strata::entity<agent, "agent:{id}"> agents{{.ttl = 10min}};
  agent last;
  for (int i = 0; i < 10; ++i) {
    const auto read = strata::sync_wait(cache.get_or_set(agents(i), [&] {
      std::puts("called");
      return agent{std::to_string(i)};
    }));
    if (!read) return 1;
    last = *read;
  }
  std::printf("value: %s\n", strata::json::text_of(last).c_str());
}
