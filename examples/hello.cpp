#include <strata/strata.hpp>

#include <iostream>

int main() {
  strata::cache cache;
  const strata::entity<std::string, "greeting:{name}"> greetings{{.ttl = std::chrono::minutes(5)}};
  const auto greet = strata::cached(cache, greetings, [](const std::string& who) { return "Hello, " + who; });
  strata::sync_wait(greet("world"));                     // calls the function
  const auto hello = strata::sync_wait(greet("world"));  // finds what it returned
  std::cout << *hello << " (from " << name(hello.info().from) << ")\n";
}
