/// The code of docs/guide/compression.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <memory>

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string organization_id;
  std::string name;
  std::string status;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, organization_id, name, status))

agent numbered(int number) {
  const auto text = std::to_string(number * 7919 % 1000003);
  return {"agt_" + text, "org_" + std::to_string(number % 97), "agent " + text,
          number % 3 ? "active" : "paused"};
}

std::string encoded(const agent& value) {
  std::string out;
  strata::codec<agent>::encode(value, out);
  return out;
}

std::shared_ptr<const strata::dictionary> learn() {
  std::vector<std::string> samples;  // several thousand encoded values
  for (int i = 0; i < 5000; ++i) samples.push_back(encoded(numbered(i)));
  const auto bytes = strata::dictionary::train(samples, {4096});
  CHECK(bytes);  // ship these bytes with the program
  return std::make_shared<const strata::dictionary>(*bytes);
}

strata::task<std::size_t> stored_size(strata::store& store, strata::cache& cache,
                                      strata::typed_key<agent> key) {
  co_await cache.set(key, numbered(90001));
  const auto found = co_await store.get("strata:" + key.key.text());
  co_return (*found)->bytes.size();
}

strata::task<> compare(std::shared_ptr<const strata::dictionary> learnt) {
  const auto server = strata::make_memory_server();
  const auto store = strata::connect(server);
  strata::cache cache({.second_level = strata::connect(server)});

  const strata::entity<agent, "agent:{id}"> plain{{.ttl = 30min}};
  const strata::entity<agent, "agent:{id}"> agents{{.ttl = 30min, .dictionaries = {learnt}}};
  const auto before = co_await stored_size(*store, cache, plain("agt_1"));
  const auto after = co_await stored_size(*store, cache, agents("agt_2"));
  CHECK(after < before);

  // Write with the new dictionary, still read with the old one.
  const auto next = std::make_shared<const strata::dictionary>(std::string(learnt->bytes()));
  const strata::entity<agent, "agent:{id}"> later{{.ttl = 30min, .dictionaries = {next, learnt}}};
  CHECK(co_await cache.get(later("agt_2")));
}

int main() {
  strata::sync_wait(compare(learn()));
}
