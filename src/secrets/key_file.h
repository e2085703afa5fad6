// The file that holds the keys of a server's secrets. Who has it, and the data folder, has them.
//
//   # comment
//   sluice secrets key 1
//   key <id> <64 hexadecimal digits>      the first seals
//   key …                                 older ones, while a rotation is under way
//
// It is its owner's alone (0600): a file that others may read is refused, and so is one whose id
// does not follow from its key.
//
// Threads: safe from any; two writers of one file must not meet.
#pragma once

#include <string>

#include "base/result.h"
#include "secrets/keyring.h"

namespace sluice::secrets {

// kNotFound when there is none, kDenied when it cannot or must not be read, kInvalid when it is no
// such file. Each names the path and has a hint.
Result<Keyring> read_key_file(const std::string& path);

// Durable and whole when it returns well; else what was there is there still. With `replace` false
// a file that exists is kExists.
struct WriteKeyFile {
  bool replace = false;
};
Status write_key_file(const std::string& path, const Keyring& keys, WriteKeyFile options);

// What a writer that was killed may have left beside the file: there is a key in it.
void remove_unfinished_key_file(const std::string& path);

}  // namespace sluice::secrets
