# What comes from outside, one line each; docs/dependencies.md says why each is here.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(GTest REQUIRED)
find_package(pugixml REQUIRED)
find_package(CLI11 REQUIRED)
find_package(toml11 REQUIRED)
find_library(HTTPLIB_LIBRARY cpp-httplib REQUIRED)
# Its classes have other members with these, so they must be what Debian built the library with.
add_library(httplib INTERFACE)
target_link_libraries(httplib INTERFACE ${HTTPLIB_LIBRARY} OpenSSL::SSL OpenSSL::Crypto)
target_compile_definitions(httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT
  CPPHTTPLIB_BROTLI_SUPPORT)

# DuckDB: headers and library as `./dev setup` unpacks them from npm, or any other install.
if(SLUICE_WITH_DUCKDB)
  set(DUCKDB_ROOT "" CACHE PATH "A DuckDB 1.4.4 install: include/duckdb.hpp and lib/libduckdb.so")
  set(duckdb_root "${DUCKDB_ROOT}")
  if(NOT duckdb_root)
    set(duckdb_root "${CMAKE_SOURCE_DIR}/build/third_party/duckdb")
  endif()
  find_path(DUCKDB_INCLUDE duckdb.hpp PATHS "${duckdb_root}/include" NO_DEFAULT_PATH NO_CACHE)
  find_library(DUCKDB_LIBRARY duckdb PATHS "${duckdb_root}/lib" NO_DEFAULT_PATH NO_CACHE)
  if(NOT DUCKDB_INCLUDE OR NOT DUCKDB_LIBRARY)
    message(FATAL_ERROR "DuckDB 1.4.4 is not in ${duckdb_root}: run `./dev setup`, or give -DDUCKDB_ROOT=")
  endif()
  add_library(duckdb SHARED IMPORTED)
  set_target_properties(duckdb PROPERTIES IMPORTED_LOCATION "${DUCKDB_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${DUCKDB_INCLUDE}")
endif()
