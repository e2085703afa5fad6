// The key of a data folder's secrets: found or made when the server starts, and replaced by
// `sluice rotate-secrets-key`.
//
// The store notes the id of its key. So a key file that is missing or another's is refused before
// anything is read or written with it, whether there are secrets yet or not.
//
//   rotation   1. the key file gets a new key in front of the old ones       (file: new, old)
//              2. one commit seals every secret with it and notes its id
//              3. the key file keeps the new key alone                       (file: new)
//
// Killed in between, the file opens what the store holds; the next start does the rest.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "collection/store.h"
#include "secrets/keyring.h"

namespace sluice::server {

// Where the key of a data folder is unless --secrets-key-file says otherwise.
std::string default_secrets_key_file(const std::string& data_dir);

// The keys for the catalog of `store`. Makes the file at the first start, and ends a rotation that
// was cut off. Refused when the file is not there, is not private, or is of another data folder.
Result<std::shared_ptr<const secrets::Keyring>> open_secrets_key(collection::Store& store,
                                                                 const std::string& file);

// Replaces the key. With another `new_file`, the new key goes there, and `file` is removed when
// nothing needs it any more. Run again after a failure, it goes on. Returns the new key's id.
struct SecretsKeyRotation {
  std::string file;
  std::string new_file;  // the same: the key is replaced in place
  // Where `file` is lost: every value that needs it becomes empty. Refused where there is a file.
  bool discard_secrets = false;
};
Result<std::string> rotate_secrets_key(collection::Store& store,
                                       const SecretsKeyRotation& rotation);

}  // namespace sluice::server
