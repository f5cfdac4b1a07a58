/// A process with a relay, for tests that pause and kill it.
///
///   relay_program POSTGRES_URL STORE_URL
///
/// Prints the relay's log until it is ended.

#include <strata/strata.hpp>

#include <unistd.h>

#include <cstdio>
#include <string>

int main(int count, char** words) {
  if (count != 3) return 2;
  auto source = strata::open_postgres({.url = words[1], .readers = 1, .writers = 1});
  auto target = strata::open_store(words[2]);
  if (!source || !target) return 2;
  const strata::relay relay(
      {.source = *source, .target = *target, .log = [](strata::log_level, std::string_view line) {
         std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
         std::fflush(stdout);
       }});
  for (;;) ::pause();
}
