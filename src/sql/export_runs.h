// An export run as sluice_internal.export_runs shows it; the session fills it in.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::sql {

struct ExportRun {
  std::string id;
  std::string statement;
  std::string target;
  std::string connection;  // empty: none
  std::string user;
  std::string format;
  std::string state;
  int64_t logical_time = 0;  // milliseconds since 1970
  uint64_t rows = 0, bytes = 0, files = 0, parts = 0, retries = 0;
  int64_t started = 0;   // microseconds since 1970
  int64_t finished = 0;  // 0: not yet
  std::string error;     // empty: none
  bool to_clean = false;
  std::string trouble;
};

}  // namespace sluice::sql
