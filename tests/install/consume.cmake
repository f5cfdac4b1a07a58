# Builds and runs the consumer KIND (find_package, components or subdirectory): `cmake -D KIND=… -P consume.cmake`.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(status)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${out}")
  endif()
endfunction()

set(prefix ${WORK}/prefix)
# A configuration kept from an earlier run would hide what is no longer installed.
file(REMOVE_RECURSE ${prefix})
file(REMOVE ${WORK}/CMakeCache.txt)
if(NOT KIND STREQUAL subdirectory)
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
  # The program installs too: it runs from where it was put.
  if(EXISTS ${prefix}/bin/strata)
    run(${prefix}/bin/strata version)
  endif()
endif()
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install/${KIND} -B ${WORK} -G Ninja
    -D CMAKE_CXX_COMPILER=${COMPILER} "-D CMAKE_CXX_FLAGS=${FLAGS}" -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
    -D CMAKE_PREFIX_PATH=${prefix} -D STRATA_CHECKOUT=${SOURCE} -D STRATA_WERROR=${WERROR})
run(${CMAKE_COMMAND} --build ${WORK} --target consumer)
run(${WORK}/consumer)
if(KIND STREQUAL components)
  execute_process(COMMAND ldd ${WORK}/consumer OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
  if(libraries MATCHES "lib(pq|sqlite3|ssl|crypto|curl|prometheus[^ ]*)[.]so")
    message(FATAL_ERROR "a program that links strata::cache alone needs ${CMAKE_MATCH_0}:\n${libraries}")
  endif()
endif()
