#include "sql/allowed_functions.h"

#include <string>
#include <unordered_map>

#include "base/text.h"

namespace sluice::sql {
namespace {

struct Names {
  FunctionClass function_class;
  std::string_view words;  // names parted by blanks
};

// Functions, aggregates, window functions and operators, by subject.
constexpr Names kScalarNames[] = {
    // Operators, as the parser names them, and the functions behind special syntax.
    {FunctionClass::kAllowed,
     "+ - <=> * / // % ** ^ & | << >> ~ ! !__postfix || ^@ @ && <@ @> <-> ~~ !~~ ~~* !~~* ~~~ ->> "
     "-> "
     "like_escape not_like_escape ilike_escape not_ilike_escape add subtract multiply divide mod "
     "xor nullif row struct_pack list_value array_value list_pack struct_extract "
     "struct_extract_at array_extract array_slice list_slice date_part datepart timezone "
     "constant_or_null unnest coalesce ifnull if count_star grouping grouping_id "
     "construct_array error try"},
    // Ours, which stand for operators and casts (engine/functions/register.h).
    {FunctionClass::kAllowed,
     "sluice_div sluice_mod sluice_mul sluice_json_get sluice_json_get_text sluice_json_path "
     "sluice_json_path_text sluice_json_contains sluice_json_has_key sluice_json_has_any "
     "sluice_json_has_all sluice_json_concat sluice_json_delete sluice_varchar sluice_char "
     "sluice_numeric sluice_text sluice_sum sluice_avg sluice_array_to_string sluice_date_part "
     "sluice_date_trunc sluice_concat sluice_substring sluice_minus sluice_extract sluice_format "
     "sluice_numeric_exact sluice_string_to_array "
     "sluice_to_hex sluice_trunc sluice_array_length sluice_cardinality sluice_elements "
     "sluice_date_bin sluice_generate_series sluice_numeric_series sluice_make_date "
     "sluice_make_interval sluice_make_time sluice_make_timestamp sluice_json_build_array "
     "sluice_json_build_object sluice_json_delete_path sluice_json_each sluice_json_each_text "
     "sluice_json_elements sluice_json_elements_text sluice_json_keys sluice_json_of_list "
     "sluice_json_of_pairs sluice_to_json sluice_plus sluice_regexp_matches sluice_regexp_split "
     "sluice_similar array_dims array_fill array_lower array_ndims array_positions array_remove "
     "array_replace trim_array jsonb_extract_path jsonb_extract_path_text jsonb_insert "
     "jsonb_object jsonb_set justify_days justify_hours justify_interval regexp_count "
     "regexp_instr regexp_like regexp_substr to_date to_number initcap overlay pg_sleep "
     "regexp_match sluice_assign sluice_list_like num_nulls num_nonnulls get_byte set_byte "
     "width_bucket "
     "jsonb_typeof "
     "jsonb_array_length jsonb_strip_nulls jsonb_pretty "
     "to_char quote_ident quote_literal quote_nullable"},
    // Numbers.
    {FunctionClass::kAllowed,
     "abs acos acosh asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees "
     "even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf "
     "isnan lcm least least_common_multiple lgamma ln log log10 log2 nextafter pi pow power "
     "radians random round round_even roundbankers sign signbit sin sinh sqrt tan tanh trunc "
     "equi_width_bins is_histogram_other_bin"},
    // Text and bytes.
    {FunctionClass::kAllowed,
     "ascii bar base64 bin bit_length char_length character_length chr concat concat_ws contains "
     "damerau_levenshtein decode editdist3 encode ends_with formatreadabledecimalsize "
     "formatreadablesize format_bytes from_base64 from_binary from_hex hamming hex instr jaccard "
     "jaro_similarity jaro_winkler_similarity lcase left left_grapheme len length length_grapheme "
     "levenshtein lower lpad ltrim md5 md5_number md5_number_lower md5_number_upper mismatches "
     "nfc_normalize octet_length ord position prefix printf regexp_escape regexp_extract "
     "regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array "
     "regexp_split_to_table repeat replace reverse right right_grapheme rpad rtrim sha1 sha256 "
     "split split_part starts_with str_split str_split_regex string_split string_split_regex "
     "string_to_array strip_accents strlen strpos substr substring substring_grapheme suffix "
     "to_base to_base64 to_binary to_hex translate trim ucase unbin unhex unicode upper url_decode "
     "url_encode parse_dirname parse_dirpath parse_filename parse_path hash pg_size_pretty"},
    // Dates and times.
    {FunctionClass::kAllowed,
     "age century date_add date_diff date_sub date_trunc datediff datesub datetrunc day dayname "
     "dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_ns epoch_us era hour isodow "
     "isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms "
     "make_timestamp_ns make_timestamptz microsecond millennium millisecond minute month monthname "
     "nanosecond normalized_interval quarter second strftime strptime time_bucket "
     "timetz_byte_comparable timezone_hour timezone_minute to_centuries to_days to_decades "
     "to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters "
     "to_seconds to_timestamp to_weeks to_years try_strptime week weekday weekofyear year "
     "yearweek"},
    // Lists, arrays, structs, maps, unions.
    {FunctionClass::kAllowed,
     "aggregate apply array_aggr array_aggregate array_append array_apply array_cat array_concat "
     "array_contains array_cosine_distance array_cosine_similarity array_cross_product "
     "array_distance array_distinct array_dot_product array_filter array_grade_up array_has "
     "array_has_all array_has_any array_indexof array_inner_product array_intersect array_length "
     "array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front "
     "array_position array_prepend array_push_back array_push_front array_reduce array_resize "
     "array_reverse array_reverse_sort array_select array_sort array_to_string "
     "array_to_string_comma_default array_transform array_unique array_where array_zip cardinality "
     "combine element_at filter flatten generate_series generate_subscripts grade_up list_aggr "
     "list_aggregate list_any_value list_append list_apply list_approx_count_distinct list_avg "
     "list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_concat "
     "list_contains list_cosine_distance list_cosine_similarity list_count list_distance "
     "list_distinct list_dot_product list_element list_entropy list_extract list_filter list_first "
     "list_grade_up list_has list_has_all list_has_any list_histogram list_indexof "
     "list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad "
     "list_max list_median list_min list_mode list_negative_dot_product "
     "list_negative_inner_product list_position list_prepend list_product list_reduce list_resize "
     "list_reverse list_reverse_sort list_select list_sem list_skewness list_sort list_stddev_pop "
     "list_stddev_samp list_string_agg list_sum list_transform list_unique list_var_pop "
     "list_var_samp list_where list_zip map map_concat map_contains map_contains_entry "
     "map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys "
     "map_values range reduce remap_struct struct_concat struct_contains struct_has struct_indexof "
     "struct_insert struct_position struct_update union_extract union_tag union_value "
     "unpivot_list"},
    // JSON.
    {FunctionClass::kAllowed,
     "array_to_json from_json from_json_strict json json_array json_array_length json_contains "
     "json_exists json_extract json_extract_path json_extract_path_text json_extract_string "
     "json_group_array json_group_object json_group_structure json_keys json_merge_patch "
     "json_object json_pretty json_quote json_structure json_transform json_transform_strict "
     "json_type json_valid json_value row_to_json to_json"},
    // UUIDs.
    {FunctionClass::kAllowed,
     "gen_random_uuid uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7"},
    // Enumerations, which no user can make, but these take values.
    {FunctionClass::kAllowed, "enum_code enum_first enum_last enum_range enum_range_boundary"},
    // Aggregates.
    {FunctionClass::kAllowed,
     "any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null "
     "arg_min arg_min_null argmax argmin array_agg avg bit_and bit_or bit_xor "
     "bool_and bool_or corr count count_if countif covar_pop covar_samp entropy every favg first "
     "fsum geomean geometric_mean group_concat histogram histogram_exact kahan_sum kurtosis "
     "kurtosis_pop last list listagg mad max max_by mean median min min_by mode product quantile "
     "quantile_cont quantile_disc percentile_cont percentile_disc regr_avgx regr_avgy regr_count "
     "regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness "
     "stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp "
     "variance wavg weighted_avg"},
    // Window functions, which the engine knows by its grammar and not by its catalog.
    {FunctionClass::kAllowed,
     "row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value "
     "last_value nth_value fill"},

    {FunctionClass::kAnswered,
     "col_description current_catalog current_database current_date current_localtime "
     "current_localtimestamp current_role current_schema current_schemas current_setting "
     "current_user format_type get_current_time get_current_timestamp has_any_column_privilege "
     "has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege "
     "has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege "
     "has_server_privilege has_table_privilege has_tablespace_privilege inet_client_addr "
     "inet_client_port inet_server_addr inet_server_port now obj_description "
     "pg_collation_is_visible pg_conf_load_time pg_conversion_is_visible pg_function_is_visible "
     "pg_get_constraintdef pg_get_expr pg_get_viewdef pg_has_role pg_is_other_temp_schema "
     "pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible "
     "pg_postmaster_start_time pg_table_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible "
     "pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof session_user "
     "shobj_description today transaction_timestamp txid_current user version"},

    {FunctionClass::kFiles, "which_secret"},
    {FunctionClass::kSettings, "getvariable write_log get_block_size"},
    {FunctionClass::kInternals,
     "__internal_compress_integral_ubigint __internal_compress_integral_uinteger "
     "__internal_compress_integral_usmallint __internal_compress_integral_utinyint "
     "__internal_compress_string_hugeint __internal_compress_string_ubigint "
     "__internal_compress_string_uhugeint __internal_compress_string_uinteger "
     "__internal_compress_string_usmallint __internal_compress_string_utinyint "
     "__internal_decompress_integral_bigint __internal_decompress_integral_hugeint "
     "__internal_decompress_integral_integer __internal_decompress_integral_smallint "
     "__internal_decompress_integral_ubigint __internal_decompress_integral_uhugeint "
     "__internal_decompress_integral_uinteger __internal_decompress_integral_usmallint "
     "__internal_decompress_string create_sort_key icu_sort_key current_connection_id "
     "current_query current_query_id current_transaction_id stats vector_type alias "
     "can_cast_implicitly cast_to_type replace_type typeof variant_typeof variant_extract finalize "
     "parse_duckdb_log_message sluice_live sluice_rows sluice_catalog_text sluice_catalog_oid "
     "sluice_catalog_is sluice_typeof sluice_missing sluice_condition sluice_compare "
     "sluice_among sluice_shown sluice_continuous sluice_required sluice_logical_time"},
    {FunctionClass::kCatalog, "in_search_path format_pg_type map_to_pg_oid"},
    {FunctionClass::kDynamicSql,
     "json_deserialize_sql json_serialize_plan json_serialize_sql json_execute_serialized_sql"},
    {FunctionClass::kState, "currval nextval setseed"},
    {FunctionClass::kMeaning, "format"},
    {FunctionClass::kTypes, "bit_position bitstring bitstring_agg get_bit set_bit"},
};

constexpr Names kTableNames[] = {
    {FunctionClass::kAllowed,
     "generate_series range unnest repeat repeat_row json_tree generate_subscripts "
     "pg_timezone_names"},
    {FunctionClass::kFiles,
     "read_blob read_csv read_csv_auto read_json read_json_auto read_json_objects "
     "read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet "
     "read_text glob sniff_csv parquet_bloom_probe parquet_file_metadata parquet_kv_metadata "
     "parquet_metadata parquet_scan parquet_schema which_secret duckdb_secrets "
     "duckdb_secret_types"},
    {FunctionClass::kSettings,
     "disable_logging enable_logging truncate_duckdb_logs duckdb_log_contexts duckdb_logs "
     "duckdb_logs_parsed duckdb_settings duckdb_variables"},
    {FunctionClass::kInternals,
     "arrow_scan arrow_scan_dumb seq_scan check_peg_parser checkpoint force_checkpoint "
     "duckdb_approx_database_count duckdb_connection_count duckdb_external_file_cache "
     "duckdb_memory duckdb_optimizers duckdb_prepared_statements duckdb_table_sample "
     "duckdb_temporary_files pragma_database_size pragma_metadata_info pragma_platform "
     "pragma_storage_info pragma_user_agent pragma_version sql_auto_complete summary "
     "test_all_types test_vector_types icu_calendar_names sluice_rows"},
    {FunctionClass::kCatalog,
     "duckdb_columns duckdb_constraints duckdb_databases duckdb_dependencies duckdb_extensions "
     "duckdb_functions duckdb_indexes duckdb_keywords duckdb_schemas duckdb_sequences "
     "duckdb_tables duckdb_types duckdb_views pragma_collations pragma_show pragma_table_info"},
    {FunctionClass::kDynamicSql,
     "query query_table json_execute_serialized_sql histogram histogram_values"},
    {FunctionClass::kMeaning, "json_each regexp_split_to_table"},
};

using Classes = std::unordered_map<std::string_view, FunctionClass>;

template <typename Visit>
void for_each_word(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (end > 0) visit(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

template <size_t Count>
Classes classes_of(const Names (&all)[Count]) {
  Classes classes;
  for (const auto& names : all)
    for_each_word(names.words, [&](auto word) { classes.emplace(word, names.function_class); });
  return classes;
}

const Classes& scalar_classes() {
  static const auto* classes = new Classes(classes_of(kScalarNames));
  return *classes;
}
const Classes& table_classes() {
  static const auto* classes = new Classes(classes_of(kTableNames));
  return *classes;
}

std::optional<FunctionClass> find(const Classes& classes, std::string_view name) {
  const std::string wanted = ascii_lower(name);
  // One for each locale, some 150 of them.
  if (wanted.starts_with("icu_collate_")) return FunctionClass::kInternals;
  const auto found = classes.find(wanted);
  if (found == classes.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> allowed(const Classes& classes) {
  std::vector<std::string_view> names;
  for (const auto& [name, function_class] : classes)
    if (function_class == FunctionClass::kAllowed) names.push_back(name);
  return names;
}

}  // namespace

std::string_view reason(FunctionClass function_class) {
  switch (function_class) {
    case FunctionClass::kAllowed:
      return "allowed";
    case FunctionClass::kAnswered:
      return "answered by Sluice";
    case FunctionClass::kFiles:
      return "reads or writes files";
    case FunctionClass::kSettings:
      return "reads or changes settings";
    case FunctionClass::kInternals:
      return "shows the engine's internals";
    case FunctionClass::kCatalog:
      return "shows the engine's own catalog";
    case FunctionClass::kDynamicSql:
      return "runs text as SQL";
    case FunctionClass::kState:
      return "changes state that outlives the query";
    case FunctionClass::kMeaning:
      return "means something else in PostgreSQL";
    case FunctionClass::kTypes:
      return "takes or gives a type that there is not";
  }
  return "";
}

std::optional<FunctionClass> scalar_function_class(std::string_view name) {
  return find(scalar_classes(), name);
}
std::optional<FunctionClass> table_function_class(std::string_view name) {
  return find(table_classes(), name);
}
std::vector<std::string_view> allowed_scalar_functions() { return allowed(scalar_classes()); }
std::vector<std::string_view> allowed_table_functions() { return allowed(table_classes()); }

}  // namespace sluice::sql
