// pg_catalog: the database, roles, types, settings; and what PostgreSQL has and Sluice does not,
// which is there without rows so that tools that ask find nothing instead of failing.
#include "sql/system/groups.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

Value user() { return Value(std::string(kDefaultUser)); }

constexpr int64_t kUtf8 = 6;
constexpr int64_t kDefaultTablespace = 1663;
constexpr int64_t kDefaultCollation = 100;

void databases(const ResolveContext&, RowWriter& out) {
  out.row({number(kDatabaseOid), Value(std::string(kDatabaseName)), owner(), number(kUtf8),
           Value("C"), Value("C"), yes(false), yes(true), number(-1), number(kDefaultTablespace),
           null()});
}

void roles(const ResolveContext&, RowWriter& out) {
  out.row({number(kOwnerOid), user(), yes(true), yes(true), yes(true), yes(true), yes(true),
           yes(false), yes(false), number(-1), Value("********"), null(), null()});
}

void users(const ResolveContext&, RowWriter& out) {
  out.row({user(), number(kOwnerOid), yes(true), yes(true), yes(false), yes(false),
           Value("********"), null(), null()});
}

bool is_text(const types::SqlType& type) {
  using types::TypeId;
  return type.id == TypeId::kText || type.id == TypeId::kVarchar || type.id == TypeId::kChar;
}

void types_of(const ResolveContext& context, RowWriter& out) {
  const int64_t schema = context.catalog->find_schema("pg_catalog")->oid();
  for (const auto& type : types::all_types()) {
    const int64_t length = types::type_length(type);
    const bool array = type.id == types::TypeId::kArray;
    const bool vector =
        type.id == types::TypeId::kInt2Vector || type.id == types::TypeId::kOidVector;
    int64_t element = array ? types::oid(type.arguments.at(0)) : 0;
    if (vector)
      element = types::oid(types::make(
          type.id == types::TypeId::kInt2Vector ? types::TypeId::kSmallInt : types::TypeId::kOid));
    out.row({number(types::oid(type)),
             Value(types::catalog_name(type)),
             number(schema),
             owner(),
             number(length),
             yes(length > 0 && length <= 8),
             Value("b"),
             Value(std::string(1, types::catalog_category(type))),
             yes(false),
             yes(true),
             Value(","),
             number(0),
             number(element),
             number(types::array_oid(type)),
             Value(array ? "array_in" : types::catalog_name(type) + "in"),
             Value(array ? "array_out" : types::catalog_name(type) + "out"),
             Value(array ? "array_recv" : types::catalog_name(type) + "recv"),
             Value(array ? "array_send" : types::catalog_name(type) + "send"),
             Value("i"),
             Value(length > 0 ? "p" : "x"),
             yes(false),
             number(0),
             number(-1),
             number(0),
             number(is_text(type) ? kDefaultCollation : 0),
             null(),
             null()});
  }
}

void settings(const ResolveContext& context, RowWriter& out) {
  if (!context.settings) return;
  for (const auto& [name, value] : context.settings())
    out.row({Value(name), Value(value), null(), Value("Session"), null(), null(), Value("user"),
             Value("string"), Value("session"), null(), null(), null(), Value(value), Value(value),
             yes(false)});
}

void access_methods(const ResolveContext&, RowWriter& out) {
  out.row({number(kBtreeOid), Value("btree"), Value("bthandler"), Value("i")});
  out.row({number(kArrangementOid), Value("arrangement"), Value("-"), Value("i")});
}

void collations(const ResolveContext& context, RowWriter& out) {
  const int64_t schema = context.catalog->find_schema("pg_catalog")->oid();
  const auto add = [&](int64_t collation_oid, const char* name, const char* locale) {
    out.row({number(collation_oid), Value(name), number(schema), owner(), number(-1), Value(locale),
             Value(locale)});
  };
  add(kDefaultCollation, "default", "");
  add(950, "C", "C");
  add(951, "POSIX", "POSIX");
}

void tablespaces(const ResolveContext&, RowWriter& out) {
  out.row({number(kDefaultTablespace), Value("pg_default"), owner(), null(), null()});
}

// One line for each relation that has no rows here.
void add_empty(Definitions& all) {
  const auto add = [&](const std::string& name, const std::vector<Column>& columns) {
    all.push_back({.schema = "pg_catalog",
                   .name = name,
                   .oid = 0,
                   .columns = columns,
                   .write_rows = nullptr});
  };
  add("pg_amop", {oid("oid"), oid("amopfamily"), oid("amoplefttype"), oid("amoprighttype"),
                  int2("amopstrategy"), internal_char("amoppurpose"), oid("amopopr"),
                  oid("amopmethod"), oid("amopsortfamily")});
  add("pg_amproc", {oid("oid"), oid("amprocfamily"), oid("amproclefttype"), oid("amprocrighttype"),
                    int2("amprocnum"), oid("amproc")});
  add("pg_auth_members", {oid("roleid"), oid("member"), oid("grantor"), boolean("admin_option")});
  add("pg_cast", {oid("oid"), oid("castsource"), oid("casttarget"), oid("castfunc"),
                  internal_char("castcontext"), internal_char("castmethod")});
  add("pg_conversion",
      {oid("oid"), name_column("conname"), oid("connamespace"), oid("conowner"),
       int4("conforencoding"), int4("contoencoding"), oid("conproc"), boolean("condefault")});
  add("pg_db_role_setting", {oid("setdatabase"), oid("setrole"), texts("setconfig")});
  add("pg_default_acl", {oid("oid"), oid("defaclrole"), oid("defaclnamespace"),
                         internal_char("defaclobjtype"), texts("defaclacl")});
  add("pg_depend", {oid("classid"), oid("objid"), int4("objsubid"), oid("refclassid"),
                    oid("refobjid"), int4("refobjsubid"), internal_char("deptype")});
  add("pg_enum", {oid("oid"), oid("enumtypid"), real("enumsortorder"), name_column("enumlabel")});
  add("pg_event_trigger",
      {oid("oid"), name_column("evtname"), name_column("evtevent"), oid("evtowner"), oid("evtfoid"),
       internal_char("evtenabled"), texts("evttags")});
  add("pg_extension",
      {oid("oid"), name_column("extname"), oid("extowner"), oid("extnamespace"),
       boolean("extrelocatable"), text("extversion"), oids("extconfig"), texts("extcondition")});
  add("pg_foreign_data_wrapper",
      {oid("oid"), name_column("fdwname"), oid("fdwowner"), oid("fdwhandler"), oid("fdwvalidator"),
       texts("fdwacl"), texts("fdwoptions")});
  add("pg_foreign_server",
      {oid("oid"), name_column("srvname"), oid("srvowner"), oid("srvfdw"), text("srvtype"),
       text("srvversion"), texts("srvacl"), texts("srvoptions")});
  add("pg_foreign_table", {oid("ftrelid"), oid("ftserver"), texts("ftoptions")});
  add("pg_inherits", {oid("inhrelid"), oid("inhparent"), int4("inhseqno")});
  add("pg_language", {oid("oid"), name_column("lanname"), oid("lanowner"), boolean("lanispl"),
                      boolean("lanpltrusted"), oid("lanplcallfoid"), oid("laninline"),
                      oid("lanvalidator"), texts("lanacl")});
  add("pg_largeobject_metadata", {oid("oid"), oid("lomowner"), texts("lomacl")});
  add("pg_locks", {text("locktype"), oid("database"), oid("relation"), int4("pid"), text("mode"),
                   boolean("granted")});
  add("pg_opclass",
      {oid("oid"), oid("opcmethod"), name_column("opcname"), oid("opcnamespace"), oid("opcowner"),
       oid("opcfamily"), oid("opcintype"), boolean("opcdefault"), oid("opckeytype")});
  add("pg_opfamily",
      {oid("oid"), oid("opfmethod"), name_column("opfname"), oid("opfnamespace"), oid("opfowner")});
  add("pg_operator", {oid("oid"), name_column("oprname"), oid("oprnamespace"), oid("oprowner"),
                      internal_char("oprkind"), oid("oprleft"), oid("oprright"), oid("oprresult"),
                      oid("oprcode")});
  add("pg_policy",
      {oid("oid"), name_column("polname"), oid("polrelid"), internal_char("polcmd"),
       boolean("polpermissive"), oids("polroles"), text("polqual"), text("polwithcheck")});
  add("pg_proc",
      {oid("oid"), name_column("proname"), oid("pronamespace"), oid("proowner"), oid("prolang"),
       boolean("proisagg"), boolean("proiswindow"), boolean("proretset"), internal_char("prokind"),
       internal_char("provolatile"), internal_char("proparallel"), boolean("prosecdef"),
       int2("pronargs"), oid("prorettype"), oids("proargtypes"), oids("proallargtypes"),
       texts("proargnames"), text("prosrc"), texts("proacl")});
  add("pg_publication",
      {oid("oid"), name_column("pubname"), oid("pubowner"), boolean("puballtables")});
  add("pg_range", {oid("rngtypid"), oid("rngsubtype"), oid("rngcollation"), oid("rngsubopc"),
                   oid("rngcanonical"), oid("rngsubdiff")});
  add("pg_rewrite",
      {oid("oid"), name_column("rulename"), oid("ev_class"), internal_char("ev_type"),
       internal_char("ev_enabled"), boolean("is_instead"), text("ev_qual"), text("ev_action")});
  add("pg_rules", {name_column("schemaname"), name_column("tablename"), name_column("rulename"),
                   text("definition")});
  add("pg_seclabel",
      {oid("objoid"), oid("classoid"), int4("objsubid"), text("provider"), text("label")});
  add("pg_sequence", {oid("seqrelid"), oid("seqtypid"), int8("seqstart"), int8("seqincrement"),
                      int8("seqmax"), int8("seqmin"), int8("seqcache"), boolean("seqcycle")});
  add("pg_shdescription", {oid("objoid"), oid("classoid"), text("description")});
  add("pg_statistic_ext", {oid("oid"), oid("stxrelid"), name_column("stxname")});
  add("pg_stat_activity",
      {oid("datid"), name_column("datname"), int4("pid"), oid("usesysid"), name_column("usename"),
       text("application_name"), text("client_addr"), timestamptz("backend_start"),
       timestamptz("query_start"), text("state"), text("query")});
  add("pg_trigger",
      {oid("oid"), oid("tgrelid"), name_column("tgname"), oid("tgfoid"), int2("tgtype"),
       internal_char("tgenabled"), boolean("tgisinternal"), oid("tgconstraint")});
  add("pg_ts_config",
      {oid("oid"), name_column("cfgname"), oid("cfgnamespace"), oid("cfgowner"), oid("cfgparser")});
  add("pg_ts_dict", {oid("oid"), name_column("dictname"), oid("dictnamespace"), oid("dictowner"),
                     oid("dicttemplate"), text("dictinitoption")});
  add("pg_ts_parser", {oid("oid"), name_column("prsname"), oid("prsnamespace"), oid("prsstart"),
                       oid("prstoken"), oid("prsend"), oid("prsheadline"), oid("prslextype")});
  add("pg_ts_template", {oid("oid"), name_column("tmplname"), oid("tmplnamespace"), oid("tmplinit"),
                         oid("tmpllexize")});
  add("pg_user_mapping", {oid("oid"), oid("umuser"), oid("umserver"), texts("umoptions")});
  add("pg_user_mappings", {oid("umid"), oid("srvid"), name_column("srvname"), oid("umuser"),
                           name_column("usename"), texts("umoptions")});
}

}  // namespace

void add_pg_catalog_rest(Definitions& all) {
  const auto add = [&](const std::string& name, uint32_t known_oid,
                       const std::vector<Column>& columns, auto rows) {
    all.push_back({.schema = "pg_catalog",
                   .name = name,
                   .oid = known_oid,
                   .columns = columns,
                   .write_rows = rows});
  };
  add("pg_database", 1262,
      {oid("oid"), name_column("datname"), oid("datdba"), int4("encoding"),
       name_column("datcollate"), name_column("datctype"), boolean("datistemplate"),
       boolean("datallowconn"), int4("datconnlimit"), oid("dattablespace"), texts("datacl")},
      databases);
  const std::vector<Column> role_columns = {oid("oid"),
                                            name_column("rolname"),
                                            boolean("rolsuper"),
                                            boolean("rolinherit"),
                                            boolean("rolcreaterole"),
                                            boolean("rolcreatedb"),
                                            boolean("rolcanlogin"),
                                            boolean("rolreplication"),
                                            boolean("rolbypassrls"),
                                            int4("rolconnlimit"),
                                            text("rolpassword"),
                                            timestamptz("rolvaliduntil"),
                                            texts("rolconfig")};
  add("pg_roles", 0, role_columns, roles);
  add("pg_authid", 1260, role_columns, roles);
  add("pg_user", 0,
      {name_column("usename"), oid("usesysid"), boolean("usecreatedb"), boolean("usesuper"),
       boolean("userepl"), boolean("usebypassrls"), text("passwd"), timestamptz("valuntil"),
       texts("useconfig")},
      users);
  add("pg_type", 1247,
      {oid("oid"),
       name_column("typname"),
       oid("typnamespace"),
       oid("typowner"),
       int2("typlen"),
       boolean("typbyval"),
       internal_char("typtype"),
       internal_char("typcategory"),
       boolean("typispreferred"),
       boolean("typisdefined"),
       internal_char("typdelim"),
       oid("typrelid"),
       oid("typelem"),
       oid("typarray"),
       text("typinput"),
       text("typoutput"),
       text("typreceive"),
       text("typsend"),
       internal_char("typalign"),
       internal_char("typstorage"),
       boolean("typnotnull"),
       oid("typbasetype"),
       int4("typtypmod"),
       int4("typndims"),
       oid("typcollation"),
       text("typdefault"),
       texts("typacl")},
      types_of);
  add("pg_settings", 0,
      {text("name"), text("setting"), text("unit"), text("category"), text("short_desc"),
       text("extra_desc"), text("context"), text("vartype"), text("source"), text("min_val"),
       text("max_val"), texts("enumvals"), text("boot_val"), text("reset_val"),
       boolean("pending_restart")},
      settings);
  add("pg_am", 2601,
      {oid("oid"), name_column("amname"), text("amhandler"), internal_char("amtype")},
      access_methods);
  add("pg_collation", 3456,
      {oid("oid"), name_column("collname"), oid("collnamespace"), oid("collowner"),
       int4("collencoding"), name_column("collcollate"), name_column("collctype")},
      collations);
  add("pg_tablespace", 1213,
      {oid("oid"), name_column("spcname"), oid("spcowner"), texts("spcacl"), texts("spcoptions")},
      tablespaces);
  add_empty(all);
}

}  // namespace sluice::sql::system
