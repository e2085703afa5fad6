// The server's process: settings, then everything built in the order of its dependencies, then
// waiting for a signal, then everything stopped in the reverse order.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/log.h"
#include "collection/store.h"
#include "engine/allocations.h"
#include "engine/engine.h"
#include "engine/functions/register.h"
#include "pgwire/server.h"
#include "server/config.h"
#include "server/metrics.h"
#include "server/secrets_key.h"
#include "server/stores.h"
#include "session/database.h"
#include "sql/system/catalog_functions.h"
#include "views/views.h"
#include "webapi/server.h"

namespace sluice::server {
namespace {

// The process's budget, divided. Beside its own share the engine may take a bound for what it does
// not plan: vectors of large texts, encoded pages. The rest, a tenth, is for what nobody counts:
// parts being filled, texts being encoded, sessions, the allocators' own losses. What materialized
// views are given beyond a tenth is taken from the engine's share. Indexes may take a tenth too:
// without any, that is the engine's reserve.
struct MemoryShares {
  explicit MemoryShares(const Config& config) : MemoryShares(config.memory_limit_bytes, config) {}
  uint64_t engine, engine_bound, parts, largest_part, tail, load, keys, indexes, views;

 private:
  MemoryShares(uint64_t all, const Config& config)
      : engine(all / 2 -
               std::min(all * 2 / 5, std::max(config.view_memory_bytes, all / 10) - all / 10)),
        engine_bound(engine + std::max<uint64_t>(all / 8, uint64_t{64} << 20)),
        parts(std::min<uint64_t>(all / 12, uint64_t{256} << 20)),
        largest_part(all / 24),
        tail(std::min<uint64_t>(all / 20, uint64_t{64} << 20)),
        load(std::min<uint64_t>(all / 8, uint64_t{512} << 20)),
        keys(all / 10),
        indexes(all / 10),
        views(config.view_memory_bytes == 0 ? all / 10 : config.view_memory_bytes) {}
};

// Memory that was given back soon is the system's again, and threads do not each keep a heap: both
// would count as ours.
void tune_allocator() {
#ifdef __GLIBC__
  constexpr int kHeaps = 4;
  constexpr int kOwnMappingBytes = 1 << 20;
  mallopt(M_ARENA_MAX, kHeaps);
  mallopt(M_MMAP_THRESHOLD, kOwnMappingBytes);
  mallopt(M_TRIM_THRESHOLD, 2 * kOwnMappingBytes);
#endif
}

// Signals are taken by sigwait() in main() alone; threads that start later inherit the mask.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// Ends the process on a signal that comes before it is ready: what is durable is as after a crash,
// and waiting until all is read in could take longer than whoever stops it will wait.
class WhileStarting {
 public:
  explicit WhileStarting(const sigset_t& signals)
      : thread_([signals](const std::stop_token& stop) {
          constexpr timespec kOften{0, 10'000'000};
          while (!stop.stop_requested()) {
            if (sigtimedwait(&signals, nullptr, &kOften) < 0) continue;
            log::info("stopped before it was ready");
            _exit(0);
          }
        }) {}

 private:
  std::jthread thread_;
};

// Each client takes a descriptor, each segment one, each upload one.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string shown(const HostPort& address, uint16_t port) {
  const bool six = address.host.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", address.host, port)
             : fmt::format("{}:{}", address.host, port);
}

// Everything durable, opened.
struct Data {
  std::string directory;  // absolute
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<collection::Store> store;  // ends before the engine
};

Result<std::string> make_data_folder(const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return error(ErrorCode::kDenied, "cannot make the data folder {}: {}", folder,
                 failure.message());
  }
  // Whatever tables hold lies in it as it is, so it is nobody else's.
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
  if (failure) {
    return error(ErrorCode::kDenied, "cannot make the data folder {} private: {}", folder,
                 failure.message());
  }
  return std::filesystem::absolute(folder).string();
}

void register_own_functions(engine::Engine::Instance& instance) {
  engine::functions::register_functions(instance);
  sql::system::register_functions(instance);
}

Result<Data> open_data(const Config& config, const MemoryShares& shares) {
  Data data;
  TRY_ASSIGN(data.directory, make_data_folder(config.data_dir));
  TRY_ASSIGN(data.engine, engine::Engine::open({.memory_limit_bytes = shares.engine,
                                                .threads = config.threads,
                                                .temp_directory = data.directory + "/spill",
                                                .readable_directories = {data.directory}},
                                               register_own_functions));
  TRY_ASSIGN(data.store, collection::Store::open(
                             {.directory = data.directory,
                              .retain_history = std::chrono::milliseconds(config.retain_history_ms),
                              .tail_limit_bytes = shares.tail,
                              .load_memory_bytes = shares.load,
                              .key_memory_bytes = shares.keys,
                              .index_memory_bytes = shares.indexes},
                             *data.engine));
  return data;
}

std::string secrets_key_file(const Config& config, const Data& data) {
  return config.secrets_key_file.empty() ? default_secrets_key_file(data.directory)
                                         : config.secrets_key_file;
}

Status rotate(const Config& config) {
  const std::string folder = config.data_dir;
  if (!std::filesystem::exists(folder + "/FORMAT")) {
    return error(ErrorCode::kNotFound, "{} is no data folder", folder);
  }
  const MemoryShares shares(config);
  engine::bound_allocations(shares.engine_bound);
  TRY_ASSIGN(const Data data, open_data(config, shares));
  const std::string file = secrets_key_file(config, data);
  const std::string new_file =
      config.new_secrets_key_file.empty() ? file : config.new_secrets_key_file;
  TRY_ASSIGN(const std::string id,
             rotate_secrets_key(
                 *data.store,
                 {.file = file, .new_file = new_file, .discard_secrets = config.discard_secrets}));
  std::printf(
      "the secrets of %s are sealed with the key %s in %s\n"
      "Keep a copy of it. Backups made before this need the key of their time.\n",
      data.directory.c_str(), id.c_str(), new_file.c_str());
  return ok();
}

Status serve(const Config& config, const sigset_t& signals) {
  std::optional<WhileStarting> starting(signals);
  const MemoryShares shares(config);
  log::debug("starting with {} threads and {} bytes of memory, {} of them for queries",
             config.threads, config.memory_limit_bytes, shares.engine);
  engine::bound_allocations(shares.engine_bound);
  TRY_ASSIGN(const Data data, open_data(config, shares));
  const auto& store = data.store;
  TRY_ASSIGN(auto keys, open_secrets_key(*store, secrets_key_file(config, data)));
  TRY_ASSIGN(auto allowed_endpoints, AllowedEndpoints::parse(config.allowed_endpoints));
  Stores stores({shares.parts, shares.largest_part}, config.local_export_dirs,
                std::move(allowed_endpoints), {}, std::chrono::seconds(config.aws_session_seconds));
  session::Database database(*store, *data.engine, stores);
  database.use_secrets_keys(std::move(keys));
  TRY(database.catalog());
  TRY(database.set_up_aws({.role_arn = config.aws_connection_role_arn,
                           .external_id_prefix = config.aws_external_id_prefix}));
  TRY(database.resume_exports());
  database.live_views().start(views::Views::start(*store, *data.engine, register_own_functions,
                                                  {.memory_limit_bytes = shares.views}));
  database.live_indexes().start();
  TRY_ASSIGN(const auto sql,
             pgwire::Server::start({.host = config.sql_listen.host, .port = config.sql_listen.port},
                                   database));
  TRY_ASSIGN(const auto http, webapi::Server::start(
                                  {.host = config.http_listen.host,
                                   .port = config.http_listen.port,
                                   .allowed_hosts = config.http_allowed_hosts},
                                  database,
                                  [&store = *store]() -> webapi::Health {
                                    const std::string reason = store.stats().read_only_reason;
                                    if (reason.empty()) return {};
                                    return {{"read-only: " + reason}};
                                  },
                                  [&database, &stores] { return metrics_text(database, stores); }));
  starting.reset();
  std::printf("sluice ready: sql=%s http=%s data=%s\n",
              shown(config.sql_listen, sql->port()).c_str(),
              shown(config.http_listen, http->port()).c_str(), data.directory.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("stopping on {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  http->stop();
  sql->stop();
  return ok();
}

int run(int argc, char** argv) {
  tune_allocator();
  const sigset_t signals = block_signals();
  const auto line = parse_command_line(argc, argv);
  if (!line.ok()) {
    std::fprintf(stderr, "sluice: %s\n", line.error().message.c_str());
    return 2;
  }
  if (line->print) {
    std::fputs(line->print->c_str(), stdout);
    return 0;
  }
  log::configure(line->config.log_level, line->config.log_format);
  raise_file_limit();
  const Status served =
      line->rotate_secrets_key ? rotate(line->config) : serve(line->config, signals);
  if (!served.ok()) {
    const Error& error = served.error();
    log::error("{}", error.message);
    std::fprintf(stderr, "sluice: %s\n", error.message.c_str());
    if (!error.hint.empty()) std::fprintf(stderr, "%s\n", error.hint.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::server

int main(int argc, char** argv) { return sluice::server::run(argc, argv); }
