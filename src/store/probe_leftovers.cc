#include "store/probe_leftovers.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "store/probe.h"

namespace sluice::store {
namespace {

// Between looks. A request that was sent is carried out within milliseconds, or seldom at all.
constexpr std::chrono::milliseconds kPauses[] = {std::chrono::milliseconds(100),
                                                 std::chrono::milliseconds(400)};

std::vector<LeftBehind> remove_once(s3::Client& client, const Leftovers& leftovers) {
  std::vector<LeftBehind> left;
  const s3::ObjectName& name = leftovers.name;
  if (leftovers.object) {
    Status removed = client.delete_object(name, {}, kProbeCleanUpTime);
    if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) {
      left.push_back({name.url(), false, std::move(removed).error()});
    }
  }
  std::vector<std::string> uploads = leftovers.uploads;
  if (leftovers.unknown_upload) {
    const auto open = client.list_uploads(name.bucket, name.key, {}, kProbeCleanUpTime);
    for (size_t i = 0; open.ok() && i < open->size(); ++i) uploads.push_back((*open)[i].id);
  }
  for (const std::string& id : uploads) {
    Status aborted = client.abort_upload(name, id, {}, kProbeCleanUpTime);
    if (aborted.ok()) continue;
    left.push_back(
        {fmt::format("upload {} of {}", id, name.url()), true, std::move(aborted).error()});
  }
  return left;
}

}  // namespace

std::vector<LeftBehind> remove(s3::Client& client, Leftovers& leftovers, bool was_cut_off) {
  if (!leftovers.object && !leftovers.unknown_upload && leftovers.uploads.empty()) return {};
  auto left = remove_once(client, leftovers);
  if (was_cut_off) {
    for (const auto pause : kPauses) {
      std::this_thread::sleep_for(pause);
      left = remove_once(client, leftovers);
    }
  }
  leftovers.object = leftovers.unknown_upload = false;
  leftovers.uploads.clear();
  for (const LeftBehind& one : left) {
    log::warning("a probe could not be undone: {} is left behind: {}", one.what, one.error.message);
  }
  return left;
}

}  // namespace sluice::store
