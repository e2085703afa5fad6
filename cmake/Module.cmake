# module(NAME SOURCES … [USES folder…] [LINKS library…] [TESTS …] [FUZZERS …] [APART …] [DUCKDB | ENGINE])
#
# A folder under src/ as a library `sluice_NAME`, with its unit tests as one program and its
# fuzzers as one program each. USES is the whole truth about which folders it may include;
# tests/tidy checks the includes against it. DUCKDB says that it sees DuckDB's headers, ENGINE that
# it runs DuckDB: connections, planning, configuration.
#
# The release and asan presets compile four files at a time as one (CMAKE_UNITY_BUILD), which halves a build:
# what headers leave to be instantiated is so once. Names in unnamed namespaces must differ within
# four; APART lists sources that are compiled alone, since they use the same plain words on purpose.
include(GoogleTest)
set_property(GLOBAL PROPERTY sluice_modules "")
add_custom_target(precompiled)  # all precompiled headers, and nothing else

# Foreign headers take seconds to parse, so folders share precompiled ones: cmake/pch/KIND.h, where
# KIND is std, duckdb or engine. Three, since what a header leaves to be instantiated is instantiated
# again in each file: 2 s with the engine's, 0.4 s with duckdb's, 0.2 s with std's. Tests have them
# with GoogleTest in it.
function(sluice_precompile target kind)
  sluice_precompiled(sluice_pch_${kind} ${kind})
  target_precompile_headers(${target} REUSE_FROM sluice_pch_${kind})
endfunction()

function(sluice_precompile_test target kind)
  sluice_precompiled(sluice_pch_test_${kind} ${kind} <gmock/gmock.h> <gtest/gtest.h>)
  target_precompile_headers(${target} REUSE_FROM sluice_pch_test_${kind})
endfunction()

# PCH KIND [HEADER...]: the target that makes the precompiled header.
function(sluice_precompiled pch kind)
  if(TARGET ${pch})
    return()
  endif()
  add_library(${pch} STATIC ${CMAKE_SOURCE_DIR}/cmake/pch/empty.cc)
  target_link_libraries(${pch} PUBLIC sluice_flags fmt::fmt)
  if(NOT kind STREQUAL std)
    target_link_libraries(${pch} PUBLIC duckdb)
  endif()
  if(ARGN)
    target_link_libraries(${pch} PUBLIC GTest::gmock)
    sluice_test_options(${pch})
  endif()
  target_precompile_headers(${pch} PRIVATE ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/pch/${kind}.h)
  add_dependencies(precompiled ${pch})
endfunction()

# Optimizing the tests themselves would take a third of a build's time.
function(sluice_test_options target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

function(module name)
  cmake_parse_arguments(M "DUCKDB;ENGINE" "" "SOURCES;USES;LINKS;TESTS;TEST_LINKS;FUZZERS;APART" ${ARGN})
  set(target sluice_${name})
  if(M_APART)
    set_source_files_properties(${M_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
  add_library(${target} STATIC ${M_SOURCES})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC sluice_flags fmt::fmt Threads::Threads ${M_LINKS})
  foreach(used ${M_USES})
    target_link_libraries(${target} PUBLIC sluice_${used})
  endforeach()
  set(kind std)
  if(M_ENGINE)
    set(kind engine)
  elseif(M_DUCKDB)
    set(kind duckdb)
  endif()
  if(NOT kind STREQUAL std)
    target_link_libraries(${target} PUBLIC duckdb)
  endif()
  sluice_precompile(${target} ${kind})
  set_property(GLOBAL APPEND PROPERTY sluice_modules "${name}")
  if(M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE ${target} GTest::gmock GTest::gtest_main ${M_TEST_LINKS})
    sluice_test_options(${name}_test)
    sluice_precompile_test(${name}_test ${kind})
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  if(SLUICE_FUZZ)
    foreach(fuzzer ${M_FUZZERS})
      get_filename_component(stem ${fuzzer} NAME_WE)
      add_executable(${stem} ${fuzzer})
      target_link_libraries(${stem} PRIVATE ${target})
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      math(EXPR runs "${SLUICE_FUZZ_SECONDS} * 10000")
      math(EXPR timeout "${SLUICE_FUZZ_SECONDS} * 2 + 80")
      add_test(NAME fuzz.${stem} COMMAND ${stem} -runs=${runs} -max_total_time=${SLUICE_FUZZ_SECONDS} -max_len=4096)
      set_tests_properties(fuzz.${stem} PROPERTIES LABELS fuzz TIMEOUT ${timeout})
    endforeach()
  endif()
endfunction()
