// COPY … TO STDOUT and COPY … FROM STDIN as portals.
#include "engine/push/pieces.h"
#include "format/copy_in.h"
#include "format/csv.h"
#include "session/portals.h"
#include "session/row_writer.h"
#include "sql/copy_options.h"
#include "sql/dml.h"
#include "sql/front/parse.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

// Rows are encoded about so much at a time, however large the engine's chunks are.
constexpr size_t kPieceBytes = size_t{1} << 20;

class CopyOutPortal final : public Portal {
 public:
  CopyOutPortal(std::unique_ptr<RowsPortal> rows, std::unique_ptr<format::CopyTextEncoder> text,
                std::unique_ptr<format::CsvEncoder> csv, bool header)
      : rows_(std::move(rows)), text_(std::move(text)), csv_(std::move(csv)), header_(header) {}

  Kind kind() const override { return Kind::kCopyOut; }
  const std::vector<Column>& columns() const override { return rows_->columns(); }
  Result<engine::Chunk*> next() override { return rows_->next(); }
  Status run() override { return internal("COPY gives its rows as bytes"); }
  Result<bool> next_bytes(std::string& out) override {
    if (header_) {
      out += csv_->header();
      header_ = false;
    }
    TRY_ASSIGN(engine::Chunk* const piece, next_piece());
    if (piece == nullptr) return !out.empty() && std::exchange(header_only_, false);
    header_only_ = false;
    ends_.clear();
    if (csv_) {
      TRY(csv_->encode(*piece, out, ends_));
    } else {
      TRY(text_->encode(*piece, out, ends_));
    }
    count_ += piece->size();
    return true;
  }
  Status copy_data(std::span<const char>) override { return internal("COPY TO takes no data"); }
  Status copy_done() override { return internal("COPY TO takes no data"); }
  void copy_fail(std::string_view) override {}
  std::string tag() const override { return fmt::format("COPY {}", count_); }

 private:
  Result<engine::Chunk*> next_piece() {
    while (true) {
      engine::Chunk* const piece = pieces_ ? pieces_->next() : nullptr;
      if (piece != nullptr) return piece;
      TRY_ASSIGN(engine::Chunk* const chunk, rows_->next());
      if (chunk == nullptr) return chunk;
      pieces_.emplace(*chunk, kPieceBytes);
    }
  }

  const std::unique_ptr<RowsPortal> rows_;
  const std::unique_ptr<format::CopyTextEncoder> text_;  // one of the two
  const std::unique_ptr<format::CsvEncoder> csv_;
  bool header_;
  bool header_only_ = true;  // nothing but the header has been given yet
  uint64_t count_ = 0;
  std::optional<engine::Pieces> pieces_;  // of the chunk that rows_ gave last
  std::vector<size_t> ends_;
};

// Rows of some of a table's columns -> rows of all of them, the others at their defaults.
class ColumnFiller {
 public:
  ColumnFiller(const Execution& execution, const sql::Object& table, std::vector<size_t> given)
      : execution_(execution), table_(table), given_(std::move(given)) {}

  Status fill(engine::Chunk& in, engine::Chunk& out) {
    const std::span<const sql::Column> columns = table_.columns();
    duckdb::vector<engine::LogicalType> types;
    for (const sql::Column& column : columns) types.push_back(types::to_engine(column.type));
    out.InitializeEmpty(types);
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto found = std::find(given_.begin(), given_.end(), i);
      if (found != given_.end()) {
        out.data[i].Reference(in.data[static_cast<size_t>(found - given_.begin())]);
        continue;
      }
      TRY_ASSIGN(const engine::Value value, standard(i));
      out.data[i].Reference(value);
    }
    out.SetCardinality(in.size());
    return ok();
  }

 private:
  // Evaluated once: COPY is one statement, and no default that is stored differs within one.
  Result<engine::Value> standard(size_t index) {
    if (const auto found = defaults_.find(index); found != defaults_.end()) return found->second;
    TRY_ASSIGN(auto expression, sql::default_of(table_.columns()[index]));
    TRY_ASSIGN(const engine::Value value, execution_.evaluate(std::move(expression), true));
    defaults_.emplace(index, value);
    return value;
  }

  const Execution& execution_;
  const sql::Object& table_;
  const std::vector<size_t> given_;
  std::map<size_t, engine::Value> defaults_;
};

class CopyInPortal final : public Portal {
 public:
  CopyInPortal(ExecutionPtr execution, std::shared_ptr<const sql::Catalog> catalog,
               const sql::Object& table, const std::vector<size_t>& given,
               format::CopyInOptions options, std::function<Status()> commit)
      : execution_(std::move(execution)),
        catalog_(std::move(catalog)),
        commit_(std::move(commit)),
        filler_(*execution_, table, given),
        writer_(*execution_, table) {
    std::vector<format::CopyInColumn> in;
    for (const size_t index : given) {
      const sql::Column& column = table.columns()[index];
      in.push_back({column.name, column.type});
      columns_.push_back({column.name, column.type});
    }
    parser_ = std::make_unique<format::CopyParser>(table.name, std::move(in), std::move(options));
  }

  Kind kind() const override { return Kind::kCopyIn; }
  const std::vector<Column>& columns() const override { return columns_; }
  Result<engine::Chunk*> next() override { return internal("COPY FROM gives no rows"); }
  Status run() override { return internal("COPY FROM waits for data"); }
  Result<bool> next_bytes(std::string&) override { return internal("COPY FROM gives no data"); }

  Status copy_data(std::span<const char> bytes) override {
    execution_->enter();
    if (Status stopped = execution_->check_stop(); !stopped.ok()) {
      return execution_->told(std::move(stopped).error());
    }
    return parser_->feed(bytes, [this](engine::Chunk& rows) { return add(rows); });
  }
  Status copy_done() override {
    execution_->enter();
    TRY(parser_->finish([this](engine::Chunk& rows) { return add(rows); }));
    TRY_ASSIGN(rows_, writer_.finish());
    return commit_();
  }
  void copy_fail(std::string_view) override {}
  std::string context() const override { return parser_->context(); }
  std::string tag() const override { return fmt::format("COPY {}", rows_); }

 private:
  Status add(engine::Chunk& rows) {
    engine::Chunk full;
    TRY(filler_.fill(rows, full));
    return writer_.append(full);
  }

  const ExecutionPtr execution_;
  const std::shared_ptr<const sql::Catalog> catalog_;  // keeps the table that the others refer to
  const std::function<Status()> commit_;
  ColumnFiller filler_;
  RowWriter writer_;
  std::vector<Column> columns_;
  std::unique_ptr<format::CopyParser> parser_;
  uint64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<Portal>> open_copy_out(const ExecutionPtr& execution,
                                              const sql::Copy& copy) {
  TRY_ASSIGN(const sql::CopyToOptions options, sql::copy_to_options(copy.options));
  const sql::CopyFormat format = options.format.value_or(sql::CopyFormat::kText);
  if (format == sql::CopyFormat::kBinary || format == sql::CopyFormat::kParquet) {
    return invalid("COPY TO STDOUT supports FORMAT text and csv only").with_sqlstate("0A000");
  }
  for (const std::string& name : options.given) {
    if (format == sql::CopyFormat::kCsv) continue;
    if (name == "DELIMITER" || name == "NULL") {
      return invalid("COPY TO does not support {} option yet", name).with_sqlstate("0A000");
    }
    return invalid("COPY {} available only in CSV mode", name).with_sqlstate("0A000");
  }
  TRY(sql::check_csv_options(copy.options, options.csv));
  if (options.connection || options.max_file_bytes) {
    return invalid("AWS CONNECTION and MAX FILE SIZE are for COPY … TO 's3://…'")
        .with_sqlstate("22023");
  }
  if (options.compression) {
    return invalid("COMPRESSION is for COPY … TO 's3://…'")
        .with_sqlstate("22023")
        .at(options.compression->position);
  }
  if (!options.given_for_files.empty()) {
    return invalid("{} is for COPY … TO 's3://…'", options.given_for_files.front())
        .with_sqlstate("22023");
  }
  sql::QueryPtr query;
  if (copy.object) {
    if (!copy.columns.empty()) {
      return invalid(
                 "specifying columns for COPY <table_name> TO commands not yet supported; use COPY "
                 "(SELECT...) TO ... instead")
          .with_sqlstate("0A000");
    }
    query = sql::select_all(*copy.object);
  } else {
    query = sql::Query(copy.query).release();
  }
  TRY_ASSIGN(auto rows, open_query(execution, std::move(query), copy.as_of));
  std::vector<std::string> names;
  std::vector<types::SqlType> types;
  for (const Column& column : rows->columns()) {
    names.push_back(column.name);
    types.push_back(column.type);
  }
  TRY(sql::check_force_quote(options, names));
  format::TextOptions text;
  text.time_zone = execution->settings.time_zone();
  if (format == sql::CopyFormat::kCsv) {
    auto encoder = std::make_unique<format::CsvEncoder>(names, types, options.csv, text);
    return std::unique_ptr<Portal>(std::make_unique<CopyOutPortal>(
        std::move(rows), nullptr, std::move(encoder), options.csv.header));
  }
  auto encoder = std::make_unique<format::CopyTextEncoder>(types, format::CopyTextOptions{}, text);
  return std::unique_ptr<Portal>(
      std::make_unique<CopyOutPortal>(std::move(rows), std::move(encoder), nullptr, false));
}

Result<std::unique_ptr<Portal>> open_copy_in(ExecutionPtr execution, const sql::CopyFrom& copy,
                                             std::function<Status()> commit) {
  if (copy.source) {
    return invalid("COPY … FROM a URL is not supported")
        .with_sqlstate("0A000")
        .with_hint("Stream the data in: COPY t FROM STDIN, or \\copy in psql.");
  }
  std::shared_ptr<const sql::Catalog> catalog;
  TRY_ASSIGN(const sql::Object* const table, execution->writable_table(copy.table, catalog));
  TRY_ASSIGN(format::CopyInOptions options, sql::copy_from_options(copy.options));
  options.time_zone = execution->settings.time_zone();
  TRY_ASSIGN(std::vector<size_t> given, sql::target_columns(copy.columns, *table));
  return std::unique_ptr<Portal>(
      std::make_unique<CopyInPortal>(std::move(execution), std::move(catalog), *table,
                                     std::move(given), std::move(options), std::move(commit)));
}

}  // namespace sluice::session
