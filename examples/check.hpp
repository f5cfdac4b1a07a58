#pragma once
/// Checks of the guide's examples: `CHECK` ends the program, and so fails its test, when a condition is
/// false.

#include <cstdlib>
#include <iostream>

#define CHECK(claim)                                                                      \
  do {                                                                                    \
    if (!(claim)) {                                                                       \
      std::cerr << __FILE__ << ':' << __LINE__ << ": this is not so: " << #claim << '\n'; \
      std::exit(1);                                                                       \
    }                                                                                     \
  } while (false)
