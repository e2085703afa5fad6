#include "session/row_writer.h"

namespace sluice::session {

engine::Shape stored_shape(std::span<const sql::Column> columns) {
  engine::Shape shape;
  for (const sql::Column& column : columns) {
    shape.names.push_back(column.name);
    shape.types.push_back(types::to_engine(column.type));
  }
  return shape;
}

RowWriter::RowWriter(const Execution& execution, const sql::Object& table)
    : execution_(execution), table_(table) {}

Status RowWriter::check_not_null(engine::Chunk& rows) const {
  const std::span<const sql::Column> columns = table_.columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].not_null) continue;
    duckdb::UnifiedVectorFormat format;
    rows.data[i].ToUnifiedFormat(rows.size(), format);
    if (format.validity.AllValid()) continue;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (format.validity.RowIsValid(format.sel->get_index(row))) continue;
      return invalid("null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                     columns[i].name, table_.name)
          .with_sqlstate("23502");
    }
  }
  return ok();
}

Status RowWriter::append(engine::Chunk& rows) {
  TRY(execution_.check_stop());
  TRY(check_not_null(rows));
  rows_ += rows.size();
  if (load_) return load_->append(rows, execution_.stop);
  if (rows_ > kLoadRows || (overlay_ != nullptr && overlay_->bytes() > kOverlayBytes)) {
    TRY_ASSIGN(load_, execution_.database.store().load(table_.table()->collection,
                                                       stored_shape(table_.columns())));
    return load_->append(rows, execution_.stop);
  }
  if (overlay_ == nullptr) {
    TRY_ASSIGN(overlay_, execution_.transaction->overlay(*table_.table()));
  }
  return overlay_->append(rows);
}

Result<uint64_t> RowWriter::finish() {
  if (load_) {
    TRY_ASSIGN(auto loaded, load_->finish(execution_.stop));
    execution_.transaction->add_load(table_.table()->collection, std::move(loaded));
  }
  return rows_;
}

}  // namespace sluice::session
