# Flags for our own code. Foreign headers are SYSTEM, so warnings come only from us.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # -O3 takes a quarter longer to build, and gains nothing here
add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror
  # GCC 12 sees overlaps, overflows and uninitialized bytes inside std::string and std::optional that
  # are none (GCC bugs 105651, 105329, 80635); clang and the sanitizers look for the real ones.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # Where files are compiled together, GCC takes types of unnamed namespaces for those of a header.
  $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>
  # GCC collects its garbage so often that it takes a fifth of a build; 100 MB more for each.
  "$<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:SHELL:--param ggc-min-expand=100 --param ggc-min-heapsize=524288>"
  # Chunks are read through raw pointers of the column's type over buffers of bytes.
  -fno-strict-aliasing)
if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "undefined")
    # DuckDB is linked as built elsewhere, without the type information that these two compare.
    target_compile_options(sluice_flags INTERFACE -fno-sanitize=vptr
      $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  endif()
endif()
if(SLUICE_FUZZ)
  target_compile_options(sluice_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
# The linker is most of the time of a small change.
find_program(SLUICE_LLD NAMES ld.lld ld.lld-14)
if(SLUICE_LLD)
  add_link_options(-fuse-ld=lld)
endif()
