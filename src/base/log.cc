#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <nlohmann/json.hpp>

namespace sluice::log {
namespace {

std::atomic<Format> g_format = Format::kText;

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("sluice",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void configure(Level level, Format format) {
  g_format = format;
  logger().set_level(spdlog_level(level));
  logger().set_pattern(format == Format::kJson
                           ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})"
                           : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

void write(Level level, std::string_view message) {
  if (!logger().should_log(spdlog_level(level))) return;
  if (g_format == Format::kJson) {
    const nlohmann::json text(message);
    logger().log(spdlog_level(level),
                 text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    logger().log(spdlog_level(level), spdlog::string_view_t(message.data(), message.size()));
  }
}

}  // namespace sluice::log
