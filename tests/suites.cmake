# Registers the suites of a test program with ctest, one test of ctest each, so that the tests of a suite share one
# process and what it has started. The suites are listed when the program has been built.
#
#   strata_add_suites(TARGET PREFIX [WITHOUT PATTERN] [PROPERTIES NAME VALUE...])
#
# WITHOUT leaves out the tests that match this pattern of --gtest_filter. PROPERTIES are those of each suite.
#
# `./dev test` runs as many tests at a time as there are cores. A test that builds on several cores has PROCESSORS 2.
# Long ones have a COST of about as many seconds: ctest starts them first.
include_guard()

function(strata_add_suites target prefix)
  cmake_parse_arguments(PARSE_ARGV 2 given "" "WITHOUT" "PROPERTIES")
  string(REPLACE ";" " " given_PROPERTIES "${given_PROPERTIES}")
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/tests/list_suites.cmake)
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM BYPRODUCTS ${list}
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D PREFIX=${prefix} -D WITHOUT=${given_WITHOUT}
      -D "PROPERTIES=TIMEOUT 600 ${given_PROPERTIES}" -D LIST=${list} -P ${PROJECT_SOURCE_DIR}/tests/list_suites.cmake)
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
