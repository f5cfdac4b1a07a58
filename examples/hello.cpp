#include <strata/strata.hpp>

#include <iostream>

int main() {
  strata::cache cache;
  const strata::entity<std::string, "greeting:{name}"> greetings{{.ttl = std::chrono::minutes(5)}};
  const auto greet = strata::cached(cache, greetings, [](const std::string& who) { return "Hello, " + who; });
  strata::sync_wait(greet("world"));                     // runs the function
  const auto hello = strata::sync_wait(greet("world"));  // a hit: returns the cached result
  std::cout << *hello << " (from " << name(hello.info().from) << ")\n";
}
