#pragma once
/// What the guide's examples say of themselves: `CHECK` ends the program, and its test, if it is not so.

#include <cstdlib>
#include <iostream>

#define CHECK(claim)                                                                      \
  do {                                                                                    \
    if (!(claim)) {                                                                       \
      std::cerr << __FILE__ << ':' << __LINE__ << ": this is not so: " << #claim << '\n'; \
      std::exit(1);                                                                       \
    }                                                                                     \
  } while (false)
