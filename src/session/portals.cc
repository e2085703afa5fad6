#include "session/portals.h"

#include "format/binary.h"
#include "sql/declared_types.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

Error wrong_call() { return internal("the portal does not take this call"); }

// Everything refused: what a kind of portal has, it overrides.
class BasePortal : public Portal {
 public:
  const std::vector<Column>& columns() const override { return columns_; }
  Result<engine::Chunk*> next() override { return wrong_call(); }
  Status run() override { return wrong_call(); }
  Result<bool> next_bytes(std::string&) override { return wrong_call(); }
  Status copy_data(std::span<const char>) override { return wrong_call(); }
  Status copy_done() override { return wrong_call(); }
  void copy_fail(std::string_view) override {}

 protected:
  std::vector<Column> columns_;
};

class EmptyPortal final : public BasePortal {
 public:
  Kind kind() const override { return Kind::kEmpty; }
  std::string tag() const override { return ""; }
};

class CommandPortal final : public BasePortal {
 public:
  CommandPortal(ExecutionPtr execution, std::function<Result<std::string>()> work)
      : execution_(std::move(execution)), work_(std::move(work)) {}
  Kind kind() const override { return Kind::kCommand; }
  Status run() override {
    execution_->enter();
    auto tag = work_();
    if (!tag.ok()) return execution_->told(std::move(tag).error());
    tag_ = std::move(tag).value();
    return ok();
  }
  std::string tag() const override { return tag_; }

 private:
  const ExecutionPtr execution_;
  const std::function<Result<std::string>()> work_;
  std::string tag_;
};

class TextRowsPortal final : public BasePortal {
 public:
  TextRowsPortal(std::vector<std::string> names, const std::vector<std::vector<std::string>>& rows,
                 std::string tag)
      : tag_(std::move(tag)) {
    duckdb::vector<engine::LogicalType> types;
    for (std::string& name : names) {
      columns_.push_back({std::move(name), types::make(types::TypeId::kText)});
      types.push_back(engine::LogicalType::VARCHAR);
    }
    chunk_.Initialize(duckdb::Allocator::DefaultAllocator(), types,
                      std::max<size_t>(rows.size(), 1));
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t column = 0; column < types.size(); ++column) {
        chunk_.SetValue(column, row, engine::Value(rows[row][column]));
      }
    }
    chunk_.SetCardinality(rows.size());
  }
  Kind kind() const override { return Kind::kRows; }
  Result<engine::Chunk*> next() override {
    if (given_ || chunk_.size() == 0) return static_cast<engine::Chunk*>(nullptr);
    given_ = true;
    return &chunk_;
  }
  std::string tag() const override { return tag_; }

 private:
  engine::Chunk chunk_;
  const std::string tag_;
  bool given_ = false;
};

// AS OF's value as a time: a number of milliseconds, a timestamp, or a text of either.
Result<collection::Time> time_of(const engine::Value& value) {
  const auto milliseconds = [](int64_t number) { return collection::Time{number}; };
  if (value.IsNull()) return invalid("AS OF time cannot be NULL").with_sqlstate("22023");
  switch (value.type().id()) {
    case engine::LogicalTypeId::TIMESTAMP:
    case engine::LogicalTypeId::TIMESTAMP_TZ:
      return milliseconds(value.GetValueUnsafe<duckdb::timestamp_t>().value / 1000);
    case engine::LogicalTypeId::VARCHAR: {
      const std::string text = value.GetValue<std::string>();
      using types::TypeId;
      const bool number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
      TRY_ASSIGN(
          const engine::Value parsed,
          format::decode_text(types::make(number ? TypeId::kBigInt : TypeId::kTimestampTz), text));
      return time_of(parsed);
    }
    default:
      if (!value.type().IsNumeric()) {
        return invalid("AS OF needs a timestamp or a number of milliseconds")
            .with_sqlstate("42804");
      }
      return milliseconds(value.GetValue<int64_t>());
  }
}

}  // namespace

RowsPortal::RowsPortal(ExecutionPtr execution, RunningQuery running, std::vector<Column> columns)
    : execution_(std::move(execution)),
      running_(std::move(running)),
      columns_(std::move(columns)) {}

Result<engine::Chunk*> RowsPortal::next() {
  execution_->enter();
  auto chunk = running_.rows->next(execution_->stop);
  if (!chunk.ok()) return execution_->told(std::move(chunk).error());
  return chunk;
}
Status RowsPortal::run() { return wrong_call(); }
Result<bool> RowsPortal::next_bytes(std::string&) { return wrong_call(); }
Status RowsPortal::copy_data(std::span<const char>) { return wrong_call(); }
Status RowsPortal::copy_done() { return wrong_call(); }
void RowsPortal::copy_fail(std::string_view) {}

std::unique_ptr<Portal> text_rows(std::vector<std::string> names,
                                  const std::vector<std::vector<std::string>>& rows,
                                  std::string tag) {
  return std::make_unique<TextRowsPortal>(std::move(names), rows, std::move(tag));
}

std::unique_ptr<Portal> command(ExecutionPtr execution, std::function<Result<std::string>()> work) {
  return std::make_unique<CommandPortal>(std::move(execution), std::move(work));
}

std::unique_ptr<Portal> empty_statement() { return std::make_unique<EmptyPortal>(); }

Result<std::shared_ptr<const collection::ReadView>> view_as_of(
    const Execution& execution, const std::optional<sql::AsOf>& as_of) {
  if (!as_of) return std::shared_ptr<const collection::ReadView>();
  TRY_ASSIGN(const engine::Value value,
             execution.evaluate(sql::Expression(as_of->time).release(), true));
  auto time = time_of(value);
  if (!time.ok()) return std::move(time).error().at(as_of->position);
  std::shared_ptr<const collection::ReadView> newest = execution.database.store().read();
  if (as_of->at_least && *time <= newest->time()) return newest;
  auto view = execution.database.store().read_at(*time);
  if (!view.ok()) return std::move(view).error().at(as_of->position);
  return view;
}

Result<std::unique_ptr<RowsPortal>> open_query(ExecutionPtr execution, sql::QueryPtr query,
                                               const std::optional<sql::AsOf>& as_of) {
  TRY_ASSIGN(auto view, view_as_of(*execution, as_of));
  TRY_ASSIGN(sql::ResolveContext context, execution->context(view));
  context.set_setting = [&execution](const std::string& name,
                                     const std::optional<std::string>& value,
                                     bool local) { return execution->set(name, value, local); };
  const auto declared = sql::declared_types(*query, *context.catalog, context.search_path);
  TRY_ASSIGN(sql::Resolved resolved, sql::resolve(std::move(query), context));
  TRY_ASSIGN(RunningQuery running, run_query(*execution, std::move(resolved)));
  std::vector<Column> columns;
  const engine::Shape& shape = running.rows->shape();
  const bool known = declared.size() == shape.names.size();
  for (size_t i = 0; i < shape.names.size(); ++i) {
    columns.push_back(
        {shape.names[i], sql::result_type(shape.types[i], known ? declared[i] : std::nullopt)});
  }
  return std::make_unique<RowsPortal>(std::move(execution), std::move(running), std::move(columns));
}

}  // namespace sluice::session
