// Seals small values for the disk: nobody reads or changes them there without the key.
//
//   sealed := "1:" key_id ":" base64(nonce[12] encrypted tag[16])       AES-256-GCM
//
// The nonce is drawn anew for each value. The place where a value belongs (an object's id and what
// it is there) is authenticated with it, so that a value put elsewhere does not open. The length of
// a value can be told from outside.
//
// Threads: immutable, so safe from any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "secrets/secret_string.h"

namespace sluice::secrets {

class Key {
 public:
  static constexpr size_t kBytes = 32;
  static Result<Key> random();
  // kInvalid unless it has kBytes.
  static Result<Key> from_bytes(SecretString bytes);

  // 16 hexadecimal digits that follow from the key, and tell nothing of it.
  const std::string& id() const { return id_; }
  const SecretString& bytes() const { return bytes_; }

 private:
  explicit Key(SecretString bytes);
  SecretString bytes_;
  std::string id_;
};

class Keyring {
 public:
  // At least one; the first seals, all open.
  explicit Keyring(std::vector<Key> keys);

  const std::vector<Key>& keys() const { return keys_; }
  const Key& sealing_key() const { return keys_.front(); }
  const Key* find(std::string_view id) const;

  // kInternal when the system gives no random numbers.
  Result<std::string> seal(const SecretString& value, std::string_view place) const;
  // kDenied when its key is not here, kInternal when it is damaged or belongs elsewhere. Neither
  // tells anything of the value.
  Result<SecretString> open(std::string_view sealed, std::string_view place) const;

 private:
  std::vector<Key> keys_;
};

}  // namespace sluice::secrets
