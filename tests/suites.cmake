# Registers the suites of a test program with ctest, one test of ctest each, so that the tests of a suite share one
# process and what it has started. The suites are listed when the program has been built.
#
#   strata_add_suites(TARGET PREFIX [WITHOUT PATTERN] [TIMEOUT SECONDS])
#
# WITHOUT: leaves out what matches this pattern of --gtest_filter.
include_guard()

function(strata_add_suites target prefix)
  cmake_parse_arguments(PARSE_ARGV 2 given "" "WITHOUT;TIMEOUT" "")
  if(NOT given_TIMEOUT)
    set(given_TIMEOUT 300)
  endif()
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM BYPRODUCTS ${list}
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D PREFIX=${prefix} -D WITHOUT=${given_WITHOUT}
      -D TIMEOUT=${given_TIMEOUT} -D LIST=${list} -P ${PROJECT_SOURCE_DIR}/tests/list_suites.cmake)
  # What ctest reads. Without the program there is a test that fails, not a suite that is missing.
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake)
  file(CONFIGURE OUTPUT ${include} @ONLY CONTENT [[
if(EXISTS "@list@")
  include("@list@")
else()
  add_test(@target@_is_not_built @target@_is_not_built)
endif()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()
