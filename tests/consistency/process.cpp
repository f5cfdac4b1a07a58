/// One engine process of `./dev consistency`:
///
///   consistency_process FOLDER INDEX INCARNATION STORE_URL DATABASE_URL SEED [look]
///
/// It runs the sessions that the board sends to it. At the end it reads every key, and exits.
/// `look`: it only reads every key, with empty memory.

#include "engine/mutation.hpp"
#include "tests/consistency/lanes.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

namespace {

using namespace strata::consistency;
using namespace std::chrono_literals;

void serve(node& here) {
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < here.shared().plan.lanes; ++i) threads.emplace_back([&] { lane(here); });
  threads.emplace_back([&](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      here.tick();
      std::this_thread::sleep_for(5ms);
    }
  });
  while (here.shared().now != phase::checking) std::this_thread::sleep_for(5ms);
}

int run(const std::vector<std::string>& words) {
  node here({.folder = words[1],
             .index = static_cast<unsigned>(std::stoul(words[2])),
             .incarnation = static_cast<unsigned>(std::stoul(words[3])),
             .store_url = words[4],
             .database_url = words[5],
             .seed = std::stoull(words[6])});
#ifdef STRATA_MUTATIONS
  strata::detail::active_mutation = strata::detail::mutation_named(here.shared().plan.mutant).value();
#endif
  // It would serve without its store, but such a run would test less.
  const auto patience = std::chrono::steady_clock::now() + 3s;
  while (!here.serves() && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(2ms);
  here.shared().processes[here.setup().index].ready = true;
  if (words.size() == 7) serve(here);
  here.look_at_all();
  // A process that exits ends its relay, and the others stop trusting what they hold.
  const unsigned all = words.size() == 7 ? engine_processes : engine_processes + 1;
  ++here.shared().looked;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (here.shared().looked < all && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  return 0;
}

}  // namespace

int main(int count, char** given) {
  const std::vector<std::string> words(given, given + count);
  if (count != 7 && count != 8) return 2;
  int status = 2;
  try {
    status = run(words);
  } catch (const std::exception& why) {
    std::fprintf(stderr, "%s\n", why.what());
  }
  std::fflush(stderr);
  std::_Exit(status);  // do not wait for background work
}
