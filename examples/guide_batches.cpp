/// The code of docs/guide/batches.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <optional>
#include <span>

using namespace std::chrono_literals;

struct user {
  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, name))

strata::task<> batch(strata::cache& cache) {
  const strata::entity<user, "user:{id}"> users{{.ttl = 1h}};
  const std::vector<std::string> ids{"usr_1", "usr_2", "usr_3"};
  co_await cache.set(users("usr_2"), user{"usr_2", "Ada"});

  std::vector<strata::typed_key<user>> wanted;
  for (const auto& id : ids) wanted.push_back(users(id));

  int calls = 0;
  const auto found = co_await cache.get_or_set_many(wanted, [&](std::span<const std::size_t> missing) {
    ++calls;  // once for all misses: SELECT … WHERE id IN (…)
    std::vector<std::optional<user>> rows;
    for (const auto index : missing) {
      if (ids[index] == "usr_3") {
        rows.emplace_back();  // no such user; "not found" is cached
      } else {
        rows.push_back(user{ids[index], "Grace"});
      }
    }
    return rows;
  });

  CHECK(calls == 1 && found.size() == 3);
  CHECK(found[0]->name == "Grace" && found[0].info().from == strata::layer::source);
  CHECK(found[1]->name == "Ada" && found[1].info().hit());
  CHECK(found[2].known_absent());
}

int main() {
  strata::cache cache;
  strata::sync_wait(batch(cache));
}
