#include "session/connections.h"

#include "sql/aws_connection.h"

namespace sluice::session {
namespace {

Status refuse_validation(const std::vector<sql::Option>& with) {
  TRY_ASSIGN(const bool validate, sql::wants_validation(with));
  if (!validate) return ok();
  return invalid("VALIDATE is not supported for AWS connections")
      .with_sqlstate("0A000")
      .with_hint("Leave it out: a COPY checks the connection before it writes.");
}

}  // namespace

Result<std::string> run_create_connection(const Execution& execution,
                                          const sql::CreateConnection& create) {
  TRY(refuse_validation(create.with));
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY_ASSIGN(sql::Connection connection,
             sql::make_aws_connection(create, *edit->catalog(), execution.settings.search_path()));
  TRY(edit->create(create.name.parts, execution.settings.search_path(), std::move(connection),
                   {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  return std::string("CREATE CONNECTION");
}

Result<std::string> run_alter_connection(const Execution& execution,
                                         const sql::AlterConnection& alter) {
  TRY(refuse_validation(alter.with));
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  const auto catalog = edit->catalog();
  TRY_ASSIGN(const sql::Object* const found,
             catalog->lookup(alter.name.parts, execution.settings.search_path()));
  if (found == nullptr && alter.if_exists) {
    execution.tell({{.message = fmt::format("connection \"{}\" does not exist, skipping",
                                            alter.name.text())}});
    return std::string("ALTER CONNECTION");
  }
  TRY_ASSIGN(const sql::Object* const object,
             catalog->require(sql::ObjectKind::kConnection, alter.name.parts,
                              execution.settings.search_path()));
  if (!alter.new_name.empty()) {
    TRY(edit->rename(object->id, alter.new_name));
    return std::string("ALTER CONNECTION");
  }
  TRY_ASSIGN(sql::Connection changed,
             sql::altered_aws_connection(*object->connection(), alter, *catalog,
                                         execution.settings.search_path()));
  TRY(edit->replace_body(object->id, std::move(changed)));
  return std::string("ALTER CONNECTION");
}

}  // namespace sluice::session
