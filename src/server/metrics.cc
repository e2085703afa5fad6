#include "server/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace sluice::server {
namespace {

class Page {
 public:
  void add(const char* name, const char* type, const char* help, uint64_t value) {
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Totals, since a label for each view would be its name: as many series as users make views.
void add_views(Page& page, session::Database& database) {
  uint64_t live = 0, broken = 0, behind = 0, bytes = 0, rows_to_fill = 0, failing = 0;
  int64_t lag_ms = 0;
  for (const auto& view : database.live_views().states()) {
    ++(view.live ? live : view.phase == "broken" ? broken : behind);
    bytes += view.bytes;
    failing += view.live && !view.error.empty() ? 1 : 0;
    if (!view.live && view.rows_to_fill > view.filled_rows) {
      rows_to_fill += view.rows_to_fill - view.filled_rows;
    }
    lag_ms = std::max(lag_ms, view.lag_ms.value_or(0));
  }
  page.add("sluice_materialized_views_live", "gauge", "Those that are up to date.", live);
  page.add("sluice_materialized_views_behind", "gauge", "Those being filled or catching up.",
           behind);
  page.add("sluice_materialized_views_broken", "gauge", "Those that cannot be kept.", broken);
  page.add("sluice_materialized_views_failing", "gauge", "Live ones with errors in their rows.",
           failing);
  page.add("sluice_materialized_view_bytes", "gauge", "Bytes that they remember.", bytes);
  page.add("sluice_materialized_view_rows_to_fill", "gauge",
           "Rows of their inputs that are still to be read.", rows_to_fill);
  page.add("sluice_materialized_view_lag_milliseconds", "gauge",
           "How far the last of them is behind the newest commit.", static_cast<uint64_t>(lag_ms));
}

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t all = 0;
  uint64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<uint64_t>(getpagesize());
}

}  // namespace

std::string metrics_text(session::Database& database, const Stores& stores) {
  const session::DatabaseCounters& counters = database.counters();
  const collection::Store::Stats stats = database.store().stats();
  Page page;
  page.add("sluice_sessions_total", "counter", "Sessions begun.", counters.sessions);
  page.add("sluice_statements_total", "counter", "Statements begun.", counters.statements);
  page.add("sluice_statements_failed_total", "counter", "Statements that ended in an error.",
           counters.failed_statements);
  page.add("sluice_exports_running", "gauge", "COPY ... TO a store under way.",
           counters.exports_running);
  page.add("sluice_exports_done_total", "counter", "Exports that completed.",
           counters.exports_done);
  page.add("sluice_exports_failed_total", "counter", "Exports that failed or were cancelled.",
           counters.exports_failed);
  page.add("sluice_exported_rows_total", "counter", "Rows of completed exports.",
           counters.exported_rows);
  page.add("sluice_exported_bytes_total", "counter", "Bytes of completed exports.",
           counters.exported_bytes);
  page.add("sluice_exported_files_total", "counter", "Files of completed exports.",
           counters.exported_files);
  page.add("sluice_export_parts_total", "counter", "Parts sent by exports that have ended.",
           counters.export_parts);
  page.add("sluice_export_retries_total", "counter",
           "Requests sent again by exports that have ended.", counters.export_retries);
  page.add("sluice_export_cleanup_backlog", "gauge",
           "Exports whose traces at a store are still to be removed.",
           database.export_sweeper().backlog());
  page.add("sluice_export_cleanup_failures_total", "counter",
           "Attempts to remove them that came to nothing.",
           database.export_sweeper().failed_passes());
  const http::Counters http = stores.http();
  page.add("sluice_store_requests_total", "counter", "HTTP requests to object stores.",
           http.requests);
  page.add("sluice_store_request_failures_total", "counter", "Those without an answer.",
           http.failures);
  page.add("sluice_store_requests_running", "gauge", "Those under way.", http.running);
  page.add("sluice_store_sent_bytes_total", "counter", "Bytes of bodies sent to object stores.",
           http.bytes_sent);
  page.add("sluice_part_bytes_in_flight", "gauge", "Bytes of the part pool in use.",
           stores.part_bytes_in_flight());
  page.add("sluice_part_pool_bytes", "gauge", "The part pool's size.", stores.part_pool_bytes());
  page.add("sluice_commits_total", "counter", "Commits that are durable.", stats.commits);
  page.add("sluice_commit_groups_total", "counter", "Syncs of the log; a group shares one.",
           stats.groups);
  page.add("sluice_log_bytes", "gauge", "Bytes of log that a restart replays.", stats.log_bytes);
  page.add("sluice_tail_bytes", "gauge", "Bytes of rows in memory, not yet in segments.",
           stats.tail_bytes);
  page.add("sluice_tail_rows", "gauge", "Rows in memory, not yet in segments.", stats.tail_rows);
  page.add("sluice_segments", "gauge", "Segment files.", stats.segments);
  page.add("sluice_segment_bytes", "gauge", "Bytes of segment files.", stats.segment_bytes);
  page.add("sluice_deleted_rows", "gauge", "Deleted rows that segments still hold.",
           stats.deleted_rows);
  page.add("sluice_index_bytes", "gauge", "Bytes of the keys of indexes.", stats.index_bytes);
  page.add("sluice_holds", "gauge", "Read views that keep history.", stats.holds);
  page.add("sluice_read_only", "gauge", "1 while writes are refused.",
           stats.read_only_reason.empty() ? 0 : 1);
  add_views(page, database);
  page.add("sluice_engine_restarts_total", "counter",
           "Times that the engine broke and was started anew.", database.engine().restarts());
  page.add("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
  return page.take();
}

}  // namespace sluice::server
