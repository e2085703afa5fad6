#include "sql/system/relations.h"

#include "sql/system/groups.h"

namespace sluice::sql {
namespace system {
namespace {

Column make(std::string name, types::SqlType type) {
  return {.name = std::move(name), .type = std::move(type)};
}
Column make(std::string name, types::TypeId id) { return make(std::move(name), types::make(id)); }

}  // namespace

Column text(std::string name) { return make(std::move(name), types::TypeId::kText); }
Column name_column(std::string name) { return make(std::move(name), types::TypeId::kName); }
Column oid(std::string name) { return make(std::move(name), types::TypeId::kOid); }
Column boolean(std::string name) { return make(std::move(name), types::TypeId::kBoolean); }
Column int2(std::string name) { return make(std::move(name), types::TypeId::kSmallInt); }
Column int4(std::string name) { return make(std::move(name), types::TypeId::kInteger); }
Column int8(std::string name) { return make(std::move(name), types::TypeId::kBigInt); }
Column real(std::string name) { return make(std::move(name), types::TypeId::kReal); }
Column uint8(std::string name) { return make(std::move(name), types::TypeId::kUint8); }
Column jsonb(std::string name) { return make(std::move(name), types::TypeId::kJsonb); }
Column internal_char(std::string name) {
  return make(std::move(name), types::TypeId::kInternalChar);
}
Column timestamptz(std::string name) { return make(std::move(name), types::TypeId::kTimestampTz); }
Column texts(std::string name) {
  return make(std::move(name), types::array_of(types::make(types::TypeId::kText)));
}
Column oids(std::string name) {
  return make(std::move(name), types::array_of(types::make(types::TypeId::kOid)));
}
Column int2s(std::string name) {
  return make(std::move(name), types::array_of(types::make(types::TypeId::kSmallInt)));
}
Column int8s(std::string name) {
  return make(std::move(name), types::array_of(types::make(types::TypeId::kBigInt)));
}

engine::Value null() { return engine::Value(); }
engine::Value text_or_null(const std::string& text) {
  return text.empty() ? engine::Value() : engine::Value(text);
}

}  // namespace system

const std::vector<SystemRelationDefinition>& system_relations() {
  static const auto* all = [] {
    auto* definitions = new system::Definitions();
    system::add_mz_catalog(*definitions);
    system::add_mz_internal(*definitions);
    system::add_pg_catalog(*definitions);
    system::add_pg_catalog_rest(*definitions);
    system::add_information_schema(*definitions);
    system::add_sluice_internal(*definitions);
    return definitions;
  }();
  return *all;
}

namespace {

// A value as the column's type stores it. Names of types (aliases) carry no casts of their own
// here, so the value is cast to the plain type beneath and given the name afterwards.
engine::Value stored(const engine::Value& value, const engine::LogicalType& type) {
  if (value.IsNull()) return engine::Value(type);
  if (type.id() == engine::LogicalTypeId::LIST) {
    const auto& element = duckdb::ListType::GetChildType(type);
    duckdb::vector<engine::Value> children;
    for (const auto& child : duckdb::ListValue::GetChildren(value))
      children.push_back(stored(child, element));
    auto list = engine::Value::LIST(element, std::move(children));
    list.Reinterpret(type);
    return list;
  }
  auto plain = value.DefaultCastAs(engine::LogicalType(type.id()));
  plain.Reinterpret(type);
  return plain;
}

class CollectionWriter final : public RowWriter {
 public:
  explicit CollectionWriter(const std::vector<Column>& columns) {
    for (const auto& column : columns) types_.push_back(types::to_engine(column.type));
    rows_ = std::make_shared<duckdb::ColumnDataCollection>(duckdb::Allocator::DefaultAllocator(),
                                                           types_);
    rows_->InitializeAppend(state_);
    chunk_.Initialize(duckdb::Allocator::DefaultAllocator(), types_);
  }

  void row(std::vector<engine::Value> values) override {
    CHECK(values.size() == types_.size());
    for (size_t i = 0; i < values.size(); ++i)
      chunk_.SetValue(i, chunk_.size(), stored(values[i], types_[i]));
    chunk_.SetCardinality(chunk_.size() + 1);
    if (chunk_.size() == STANDARD_VECTOR_SIZE) flush();
  }

  std::shared_ptr<duckdb::ColumnDataCollection> finish() {
    flush();
    return rows_;
  }

 private:
  void flush() {
    rows_->Append(state_, chunk_);
    chunk_.Reset();
  }

  duckdb::vector<engine::LogicalType> types_;
  std::shared_ptr<duckdb::ColumnDataCollection> rows_;
  duckdb::ColumnDataAppendState state_;
  engine::Chunk chunk_;
};

}  // namespace

std::shared_ptr<duckdb::ColumnDataCollection> rows_of(const SystemRelationDefinition& definition,
                                                      const ResolveContext& context) {
  CollectionWriter writer(definition.columns);
  if (definition.write_rows) definition.write_rows(context, writer);
  return writer.finish();
}

}  // namespace sluice::sql
