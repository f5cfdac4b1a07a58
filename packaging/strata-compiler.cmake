# Sets strata_compiler_problem: why the compiler of the project that includes this file cannot use Strata; or
# empty. The header strata/task.hpp checks the same.
set(strata_compiler_problem "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  string(CONCAT strata_compiler_problem
    "Strata needs g++ 14 or newer, or clang 19, not g++ ${CMAKE_CXX_COMPILER_VERSION}: g++ 12 compiles "
    "co_await f([owned = std::move(owned)] { ... }) without a warning and frees `owned` twice. "
    "On Debian 12: apt install clang-19, and -D CMAKE_CXX_COMPILER=clang++-19")
endif()
