#include "secrets/keyring.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

namespace sluice::secrets {
namespace {

constexpr std::string_view kForm = "1:";
constexpr size_t kIdDigits = 16;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kMaxSealed = 1 << 20;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
int length_of(std::string_view text) { return static_cast<int>(text.size()); }

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it ends what it writes with a zero
  const int length = EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), length_of(bytes));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), length_of(text)) < 0) return std::nullopt;
  const size_t padding = text.size() - 1 - text.find_last_not_of('=');
  if (padding > 2) return std::nullopt;
  bytes.resize(bytes.size() - padding);
  // One text for a value: the decoder takes blanks, and any bits beside the last byte.
  if (to_base64(bytes) != text) return std::nullopt;
  return bytes;
}

// What is authenticated beside the value. The key's id needs not to be: another key does not open.
std::string authenticated(std::string_view place) {
  return fmt::format("sluice {}{}", kForm, place);
}

std::string id_of(std::string_view key) {
  const std::string text = fmt::format("sluice secrets key id {}", key);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr) == 1);
  std::string id;
  for (size_t i = 0; i < kIdDigits / 2; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}

Error cannot_open(std::string_view place) {
  return internal("the secret value of {} does not open: it is damaged or belongs elsewhere", place)
      .with_hint("Restore the data folder from a backup.");
}

}  // namespace

Key::Key(SecretString bytes) : bytes_(std::move(bytes)), id_(id_of(bytes_.view())) {}

Result<Key> Key::random() {
  std::string bytes(kBytes, '\0');
  if (RAND_priv_bytes(bytes_of(bytes), static_cast<int>(kBytes)) != 1)
    return internal("the system gives no random numbers");
  return Key(SecretString(std::move(bytes)));
}

Result<Key> Key::from_bytes(SecretString bytes) {
  if (bytes.size() != kBytes) return invalid("a key has {} bytes, not {}", kBytes, bytes.size());
  return Key(std::move(bytes));
}

Keyring::Keyring(std::vector<Key> keys) : keys_(std::move(keys)) { CHECK(!keys_.empty()); }

const Key* Keyring::find(std::string_view id) const {
  for (const Key& key : keys_)
    if (key.id() == id) return &key;
  return nullptr;
}

Result<std::string> Keyring::seal(const SecretString& value, std::string_view place) const {
  const Key& key = sealing_key();
  std::string sealed(kNonceBytes + value.size() + kTagBytes, '\0');
  unsigned char* const nonce = bytes_of(sealed);
  unsigned char* const encrypted = nonce + kNonceBytes;
  if (RAND_bytes(nonce, static_cast<int>(kNonceBytes)) != 1)
    return internal("the system gives no random numbers");
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const std::string more = authenticated(place);
  int length = 0;
  const bool done =
      cipher != nullptr &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes().view()),
                         nonce) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(more), length_of(more)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), encrypted, &length, bytes_of(value.view()),
                        length_of(value.view())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), encrypted + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                          encrypted + value.size()) == 1;
  if (!done) return internal("a secret value could not be encrypted");
  return fmt::format("{}{}:{}", kForm, key.id(), to_base64(sealed));
}

Result<SecretString> Keyring::open(std::string_view sealed, std::string_view place) const {
  const size_t head = kForm.size() + kIdDigits;
  if (sealed.size() <= head || sealed.size() > kMaxSealed || !sealed.starts_with(kForm) ||
      sealed[head] != ':')
    return cannot_open(place);
  const std::string_view id = sealed.substr(kForm.size(), kIdDigits);
  const Key* const key = find(id);
  if (key == nullptr)
    return error(ErrorCode::kDenied, "the secret value of {} needs the key {}", place, id);
  const auto bytes = from_base64(sealed.substr(head + 1));
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return cannot_open(place);
  const std::string_view all = *bytes;
  const std::string_view encrypted = all.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string value(encrypted.size() + 1, '\0');  // one more: there is always a place to write to
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const std::string more = authenticated(place);
  int length = 0, rest = 0;
  const bool done =
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key->bytes().view()),
                         bytes_of(all)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &rest, bytes_of(more), length_of(more)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(value), &length, bytes_of(encrypted),
                        length_of(encrypted)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                          tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(value) + length, &rest) == 1;
  SecretString opened(std::string_view(value).substr(0, encrypted.size()));
  OPENSSL_cleanse(value.data(), value.size());
  if (!done) return cannot_open(place);
  return opened;
}

}  // namespace sluice::secrets
