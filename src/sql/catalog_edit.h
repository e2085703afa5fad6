// Changes to the catalog, gathered by a transaction against the catalog that it began with.
//
// Each call checks itself against what the earlier ones left, so that catalog() is always whole;
// records() is what the commit has to write, together with created and dropped collections. The
// commit must carry base_revision(), since another transaction may have changed the catalog.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "sql/catalog.h"

namespace sluice::sql {

// What a statement tells beside its result.
struct Notice {
  std::string severity = "NOTICE";
  std::string sqlstate = "00000";
  std::string message = {};
  std::string detail = {};
  std::string hint = {};
};

class CatalogEdit {
 public:
  explicit CatalogEdit(std::shared_ptr<const Catalog> base);

  struct CreateOptions {
    bool if_not_exists = false;  // an object of that name is no error but a notice
    bool or_replace = false;     // views only: refused while something depends on the old one
  };
  // The new object's id; nothing where IF NOT EXISTS found one. 42P07 (relations), 42P06 (schemas),
  // 42710 (others) for a name that is taken, 3F000 for an unknown schema, 42701 for a column name
  // that comes twice.
  Result<std::optional<ObjectId>> create_schema(const NameParts& name, CreateOptions options);
  // For all but schemas: the kind follows from the body. a collection must be set already.
  template <typename Body>
  Result<std::optional<ObjectId>> create(const NameParts& name, const SearchPath& path, Body body,
                                         CreateOptions options) {
    return create_item(name, path, std::move(body), options);
  }

  struct DropOptions {
    bool if_exists = false;
    bool cascade = false;
  };
  // All names or none. 2BP01 when something else depends on one of them and CASCADE isn't given.
  Status drop(ObjectKind kind, const std::vector<NameParts>& names, const SearchPath& path,
              DropOptions options);

  // Puts another body (of the same kind) into an object: ALTER SECRET, ALTER CONNECTION, ….
  Status replace_body(ObjectId id, decltype(Object::body) body);
  Status rename(ObjectId id, const std::string& name);
  // `column` counts from 0; nothing: the object's own comment. Empty text removes it.
  Status comment(ObjectId id, std::optional<size_t> column, const std::string& text);

  bool changed() const { return !touched_.empty(); }
  uint64_t base_revision() const { return base_->revision(); }
  // With all changes so far. Good until the next change; hold the pointer to keep it longer.
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  // kInternal when a secret cannot be sealed.
  Result<std::vector<collection::Commit::Record>> records() const;
  // Of tables and materialized views made and dropped since the base; what came and went is in
  // neither.
  std::vector<collection::CollectionId> created_collections() const;
  std::vector<collection::CollectionId> dropped_collections() const;
  // Of which the time that history is kept is another one than in the base.
  std::vector<collection::Commit::Retain> retained_collections() const;
  std::vector<Notice> take_notices() { return std::move(notices_); }

 private:
  Result<std::optional<ObjectId>> create_item(const NameParts& name, const SearchPath& path,
                                              decltype(Object::body) body, CreateOptions options);
  // Whether to go on: false when IF NOT EXISTS makes it a notice.
  Result<bool> free_name(const Object* existing, ObjectKind kind, const std::string& shown,
                         CreateOptions options);
  ObjectId insert(Object object);
  Status remove(const std::set<ObjectId>& ids);
  void put(std::shared_ptr<const Object> object);
  std::shared_ptr<Catalog> edited();

  std::shared_ptr<const Catalog> base_;
  std::shared_ptr<const Catalog> catalog_;
  std::set<ObjectId> touched_;  // made, changed or dropped
  std::vector<Notice> notices_;
};

}  // namespace sluice::sql
