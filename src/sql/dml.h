// INSERT, UPDATE and DELETE as queries: each becomes a SELECT of the rows to add, and of the ids of
// the rows to remove. The session runs them and gives the rows to the transaction.
//
// Threads: pure functions over their arguments.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "collection/store.h"
#include "sql/catalog.h"
#include "sql/front/statement.h"
#include "sql/resolve.h"

namespace sluice::sql {

// The query of an INSERT whose text does not tell how many columns it gives, as SELECT * FROM t;
// null where the text tells, or there is none.
QueryPtr query_of_unknown_width(const Insert& insert);

// The rows that an INSERT adds: every column of the table in its order, in the engine type that is
// stored; defaults are filled in. `width`: how many columns the query gives, where the text does
// not tell and it is known. 42601 when the number of values does not fit, 42701 for a column named
// twice, 42703 for an unknown one.
Result<Resolved> insert_rows(const Insert& insert, const Object& table,
                             const ResolveContext& context,
                             std::optional<size_t> width = std::nullopt);

// The rows to put in the place of those that UPDATE hits: every column in its new value, and the
// old row's id as the last column. A row may come several times when FROM matches it several times;
// the caller takes the first.
Result<Resolved> update_rows(const Update& update, const Object& table,
                             std::shared_ptr<const collection::Snapshot> snapshot,
                             const ResolveContext& context);

// One column: the ids of the rows to remove; may come several times.
Result<Resolved> delete_rows(const Delete& statement, const Object& table,
                             std::shared_ptr<const collection::Snapshot> snapshot,
                             const ResolveContext& context);

// What a row has in this column if it is given no value: the column's DEFAULT or NULL, in the
// engine type that is stored. Names in it are still to be resolved.
Result<ExpressionPtr> default_of(const Column& column);

// Indexes into table's columns for a list of names; all of them for an empty list.
Result<std::vector<size_t>> target_columns(const std::vector<Name>& names, const Object& table);

}  // namespace sluice::sql
