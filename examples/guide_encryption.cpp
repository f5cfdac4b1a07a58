/// The code of docs/guide/encryption.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <memory>
#include <vector>

using namespace std::chrono_literals;

using permissions = std::vector<std::string>;

strata::task<> share(const std::string& text_from_your_secrets) {
  const auto store = strata::make_memory_server();

  const auto keys = std::make_shared<strata::key_ring>(text_from_your_secrets);  // "2:NEW 1:OLD"
  strata::cache cache({.second_level = strata::connect(store), .encryption = keys});

  const strata::entity<permissions, "user:{id}:permissions"> granted{{.ttl = 5min, .sensitive = true}};
  co_await cache.set(granted("usr_1"), permissions{"agents:read"});

  const auto stored = co_await strata::connect(store)->get("strata:user:usr_1:permissions");
  CHECK((*stored)->bytes.find("agents:read") == std::string::npos);

  // An attacker who can write to the store copies the permissions of usr_1 to usr_2: decryption fails.
  co_await strata::connect(store)->put("strata:user:usr_2:permissions", (*stored)->bytes, 60s);
  const auto pasted = co_await cache.get(granted("usr_2"));
  CHECK(!pasted && pasted.info().reason == strata::miss_reason::unauthentic);
}

strata::task<> rotate(std::shared_ptr<strata::key_ring> keys) {
  keys->add(3, strata::key_ring::generate());  // first in every process: now all can read it
  keys->activate(3);                           // only then write with it
  CHECK(keys->active() == 3);
  co_return;
}

strata::task<> without_keys() {
  const auto store = strata::make_memory_server();
  strata::cache cache({.second_level = strata::connect(store)});
  const strata::entity<permissions, "user:{id}:permissions"> granted{{.ttl = 5min, .sensitive = true}};

  co_await cache.set(granted("usr_1"), permissions{"agents:read"});
  CHECK(co_await cache.get(granted("usr_1")));  // from this process's memory
  CHECK(!*co_await strata::connect(store)->get("strata:user:usr_1:permissions"));
}

int main() {
  const auto text = "2:" + strata::key_ring::generate() + " 1:" + strata::key_ring::generate();
  strata::sync_wait(share(text));
  strata::sync_wait(rotate(std::make_shared<strata::key_ring>(text)));
  strata::sync_wait(without_keys());
}
