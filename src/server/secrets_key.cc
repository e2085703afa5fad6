#include "server/secrets_key.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/log.h"
#include "secrets/key_file.h"
#include "sql/catalog_records.h"

namespace sluice::server {
namespace {

constexpr std::string_view kKeyNote = "server/secrets_key";

// Of the key that the store's secrets are sealed with; nothing before the first start's end.
std::optional<std::string> noted_key(collection::Store& store) {
  const auto notes = store.notes();
  const auto found = notes.find(std::string(kKeyNote));
  if (found == notes.end()) return std::nullopt;
  return found->second;
}

Status note_key(collection::Store& store, const std::string& id,
                std::vector<collection::Commit::Record> records) {
  collection::Commit commit;
  commit.records = std::move(records);
  commit.notes.push_back({std::string(kKeyNote), id});
  auto committed = store.commit(std::move(commit), {});
  if (!committed.ok()) return std::move(committed).error().within("note the key of the secrets");
  return ok();
}

// Seals every secret with the first key, and notes it: all in one commit, or nothing.
Status reseal(collection::Store& store, const secrets::Keyring& keys, sql::Reseal options) {
  std::vector<collection::Commit::Record> changed;
  const auto records = store.records().first;
  for (const auto& [key, value] : records) {
    if (!key.starts_with(sql::kObjectKeyPrefix)) continue;
    const auto id =
        sql::ObjectId::parse(std::string_view(key).substr(sql::kObjectKeyPrefix.size()));
    if (!id) return internal("the catalog has a record with a bad key: {}", key);
    TRY_ASSIGN(auto resealed, sql::resealed_record(*id, value, keys, options));
    if (resealed) changed.push_back({key, std::move(resealed)});
  }
  return note_key(store, keys.sealing_key().id(), std::move(changed));
}

Error other_key(const std::string& file, const secrets::Keyring& keys, const std::string& noted) {
  std::string ids;
  for (const secrets::Key& key : keys.keys()) ids += (ids.empty() ? "" : ", ") + key.id();
  return error(ErrorCode::kDenied,
               "{} is not the key of this data folder's secrets: they need the key {}, and it "
               "holds {}",
               file, noted, ids)
      .with_hint(
          "Name the right file with --secrets-key-file. After a rotation that is the new one; a "
          "data folder restored from a backup needs the key of that time.");
}

Error missing_key(const std::string& file, const std::string& noted) {
  return error(ErrorCode::kNotFound,
               "the key of this data folder's secrets is not there: no file {} (key {})", file,
               noted)
      .with_hint(
          "Restore it from its backup, or name where it is with --secrets-key-file. If it is lost, "
          "sluice rotate-secrets-key --discard-secrets makes a new one and empties all secrets.");
}

// The keys of a file that this store knows.
Result<secrets::Keyring> read_known(const std::string& file,
                                    const std::optional<std::string>& noted) {
  auto keys = secrets::read_key_file(file);
  if (!keys.ok()) {
    if (keys.error().code == ErrorCode::kNotFound && noted) return missing_key(file, *noted);
    return std::move(keys).error();
  }
  if (noted && keys->find(*noted) == nullptr) return other_key(file, *keys, *noted);
  return keys;
}

Result<secrets::Keyring> make_key_file(const std::string& file) {
  TRY_ASSIGN(secrets::Key key, secrets::Key::random());
  secrets::Keyring keys({std::move(key)});
  TRY(secrets::write_key_file(file, keys, {}));
  log::info("made the key of the secrets in {}: keep a copy of it", file);
  return keys;
}

// The first key alone, where there are older ones.
Status drop_old_keys(const std::string& file, const secrets::Keyring& keys) {
  if (keys.keys().size() == 1) return ok();
  return secrets::write_key_file(file, secrets::Keyring({keys.sealing_key()}), {.replace = true});
}

// New keys in front, each once.
secrets::Keyring joined(const std::vector<secrets::Key>& first,
                        const std::vector<secrets::Key>& more) {
  std::vector<secrets::Key> all;
  for (const auto* keys : {&first, &more}) {
    for (const secrets::Key& key : *keys) {
      const bool there = std::any_of(all.begin(), all.end(), [&](const secrets::Key& other) {
        return other.id() == key.id();
      });
      if (!there) all.push_back(key);
    }
  }
  return secrets::Keyring(std::move(all));
}

// A new key alone, for secrets that nobody can read any more.
Result<secrets::Keyring> keys_without_the_lost(const SecretsKeyRotation& rotation) {
  for (const std::string& file : {rotation.file, rotation.new_file}) {
    const auto found = secrets::read_key_file(file);
    if (!found.ok() && found.error().code == ErrorCode::kNotFound) continue;
    return error(ErrorCode::kExists,
                 "secrets are discarded only when their key is lost: {} is there", file)
        .with_hint("If it is not their key, move it away first.");
  }
  TRY_ASSIGN(secrets::Key key, secrets::Key::random());
  return secrets::Keyring({std::move(key)});
}

// Every key that the store may need, and first the one that it is to have.
Result<secrets::Keyring> keys_of_rotation(const SecretsKeyRotation& rotation,
                                          const std::optional<std::string>& noted) {
  if (rotation.discard_secrets) return keys_without_the_lost(rotation);
  if (rotation.file == rotation.new_file) {
    TRY_ASSIGN(const secrets::Keyring old, read_known(rotation.file, noted));
    TRY_ASSIGN(secrets::Key key, secrets::Key::random());
    return joined({std::move(key)}, old.keys());
  }
  // A new file that is there already was made by a rotation that was cut off, or by the operator.
  auto made = secrets::read_key_file(rotation.new_file);
  if (!made.ok() && made.error().code != ErrorCode::kNotFound) return std::move(made).error();
  if (made.ok() && noted && made->find(*noted) != nullptr) return made;
  TRY_ASSIGN(const secrets::Keyring old, read_known(rotation.file, noted));
  if (made.ok()) return joined(made->keys(), old.keys());
  TRY_ASSIGN(secrets::Key key, secrets::Key::random());
  return joined({std::move(key)}, old.keys());
}

// However they are spelled.
bool same_file(const SecretsKeyRotation& rotation) {
  std::error_code failure;
  return rotation.file == rotation.new_file ||
         std::filesystem::equivalent(rotation.file, rotation.new_file, failure);
}

}  // namespace

std::string default_secrets_key_file(const std::string& data_dir) {
  return data_dir + "/secrets.key";
}

Result<std::shared_ptr<const secrets::Keyring>> open_secrets_key(collection::Store& store,
                                                                 const std::string& file) {
  const auto noted = noted_key(store);
  auto found = read_known(file, noted);
  if (!found.ok() && found.error().code == ErrorCode::kNotFound && !noted) {
    found = make_key_file(file);
  }
  if (!found.ok()) return std::move(found).error();
  secrets::remove_unfinished_key_file(file);
  const secrets::Keyring& keys = *found;
  if (noted != keys.sealing_key().id()) TRY(reseal(store, keys, {}));
  // A file that cannot be written, such as one that is mounted read-only, serves as it is.
  if (Status dropped = drop_old_keys(file, keys); !dropped.ok()) {
    log::warning("old keys of secrets are still in the file: {}", dropped.error().message);
  }
  return std::make_shared<const secrets::Keyring>(std::move(found).value());
}

Result<std::string> rotate_secrets_key(collection::Store& store, const SecretsKeyRotation& given) {
  SecretsKeyRotation rotation = given;
  if (same_file(rotation)) rotation.new_file = rotation.file;
  TRY_ASSIGN(const secrets::Keyring keys, keys_of_rotation(rotation, noted_key(store)));
  TRY(secrets::write_key_file(rotation.new_file, keys, {.replace = true}));
  TRY(reseal(store, keys, {.discard_lost = rotation.discard_secrets}));
  TRY(drop_old_keys(rotation.new_file, keys));
  if (rotation.file != rotation.new_file) {
    std::error_code failure;
    std::filesystem::remove(rotation.file, failure);
    if (failure) {
      return error(ErrorCode::kUnavailable, "cannot remove the old file of secrets' keys {}: {}",
                   rotation.file, failure.message())
          .with_hint("Everything else is done: the server starts with the new file. Remove it.");
    }
  }
  return keys.sealing_key().id();
}

}  // namespace sluice::server
