# Writes LIST, which registers the suites of PROGRAM: see suites.cmake.
cmake_minimum_required(VERSION 3.25)

set(filter)
if(WITHOUT)
  set(filter --gtest_filter=-${WITHOUT})
endif()
execute_process(COMMAND ${PROGRAM} --gtest_list_tests ${filter} OUTPUT_VARIABLE listed TIMEOUT 60
  COMMAND_ERROR_IS_FATAL ANY)

string(REGEX MATCHALL "\n  [^ \n]" tests "\n${listed}")
string(REGEX MATCHALL "\n[^ \n]+\\.[ \n]" suites "\n${listed}")
list(LENGTH tests test_count)
list(LENGTH suites suite_count)
if(test_count EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} has no tests")
endif()

set(text "# ${test_count} tests in ${suite_count} suites\n")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "^\n|\\.[ \n]$" "" suite "${suite}")
  string(APPEND text "add_test([==[${PREFIX}.${suite}]==] [==[${PROGRAM}]==] [==[--gtest_filter=${suite}.*]==])\n"
    "set_tests_properties([==[${PREFIX}.${suite}]==] PROPERTIES ${PROPERTIES})\n")
endforeach()
file(WRITE ${LIST} "${text}")
