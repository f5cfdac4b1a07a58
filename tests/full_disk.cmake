# strata_use_full_disk(TARGET VISIBILITY): TARGET may start processes whose disk is full, see full_disk.hpp.
include_guard()

function(strata_use_full_disk target visibility)
  if(NOT TARGET full_disk)
    add_library(full_disk MODULE EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/full_disk_library.cpp)
    # It is loaded into programs without sanitizers, too.
    target_compile_options(full_disk PRIVATE -fno-sanitize=all)
    target_link_options(full_disk PRIVATE -fno-sanitize=all)
    target_link_libraries(full_disk PRIVATE strata_warnings ${CMAKE_DL_LIBS})
  endif()
  add_dependencies(${target} full_disk)
  target_compile_definitions(${target} ${visibility} STRATA_FULL_DISK_LIBRARY="$<TARGET_FILE:full_disk>")
endfunction()
