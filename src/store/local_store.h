// A folder of this machine as an object store: keys are paths below it.
//
//   writer   .NAME.RANDOM.sluice-part beside its target -> fsync -> rename -> fsync of the folder
//
// The temporary file is hidden, is never listed and can't be named by a key. Folders are created as
// keys need them, and stay. Nothing outside the folder is reached (folder.h), and an object is
// always a regular file: links, sockets and the like are neither listed nor read.
//
// Threads: LocalStore is safe from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/folder.h"
#include "store/object_store.h"

namespace sluice::store {

class LocalStore final : public ObjectStore {
 public:
  // `folder` is an absolute path of a folder that is there.
  static Result<std::unique_ptr<LocalStore>> make(const std::string& folder);

  Result<Listing> list_after(const std::string& prefix, const std::string& after, int max_keys,
                             std::stop_token stop) override;
  Status put(const std::string& key, std::span<const std::byte> bytes,
             std::stop_token stop) override;
  Status remove(const std::string& key, std::stop_token stop) override;
  Result<std::string> get(const std::string& key, std::stop_token stop) override;
  std::unique_ptr<ObjectWriter> writer(const std::string& key, UploadBegun begun) override;
  using ObjectStore::writer;
  // An upload's id is the name of its temporary file. All of them are listed.
  Result<std::vector<OpenUpload>> list_uploads(const std::string& prefix,
                                               std::stop_token stop) override;
  Status abort_upload(const OpenUpload& upload, std::stop_token stop) override;
  std::string url(const std::string& key) const override;

 private:
  explicit LocalStore(Folder folder) : folder_(std::move(folder)) {}

  const Folder folder_;
};

// Where a `file:///path` leads: the store of the allowed folder that it lies in, and the key, or
// prefix of keys, below it (empty: the folder itself). Nothing in the url is decoded.
struct LocalTarget {
  std::unique_ptr<LocalStore> store;
  std::string key;
};

// kInvalid: not such a url. kDenied: in none of `allowed_folders` (absolute paths; the longest that
// fits is taken).
Result<LocalTarget> open_local_target(const std::string& url,
                                      const std::vector<std::string>& allowed_folders);

}  // namespace sluice::store
