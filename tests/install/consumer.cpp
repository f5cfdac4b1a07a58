/// A user of the library: what a program needs that has nothing of this repository but strata::strata.
#include <strata/strata.hpp>

#include <boost/describe.hpp>

#include <optional>
#include <string>

struct city {
  std::string name;
  int people = 0;
};
BOOST_DESCRIBE_STRUCT(city, (), (name, people))

int main() {
  using namespace std::chrono_literals;
  strata::cache cache;
  const strata::entity<city, "city:{id}"> cities{{.ttl = 30min}};
  int calls = 0;
  const auto find = strata::cached(cache, cities, [&](std::string_view id) -> std::optional<city> {
    ++calls;
    return city{std::string(id), 7};
  });
  const auto first = strata::sync_wait(find("ulm"));
  const auto second = strata::sync_wait(find("ulm"));
  return first && second && second->name == "ulm" && second.info().hit() && calls == 1 ? 0 : 1;
}
