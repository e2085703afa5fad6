# What engine/functions adds to the engine's library and tests.
list(APPEND ENGINE_SOURCES
  functions/aggregates.cc
  functions/alias_order.cc
  functions/arrays.cc
  functions/intervals.cc
  functions/json_build.cc
  functions/regexps.cc
  functions/arithmetic.cc
  functions/casts.cc
  functions/checks.cc
  functions/date_parts.cc
  functions/date_template.cc
  functions/exact_floats.cc
  functions/interval_in.cc
  functions/json.cc
  functions/json_operators.cc
  functions/jsonb_functions.cc
  functions/logical_time.cc
  functions/nested_in.cc
  functions/number_template.cc
  functions/numbers.cc
  functions/register.cc
  functions/sleep.cc
  functions/strings.cc
  functions/temporal_in.cc
  functions/text_functions.cc
  functions/text_in.cc
  functions/text_out.cc
  functions/text_put.cc
  functions/time_zone.cc
  functions/to_char.cc)
list(APPEND ENGINE_TESTS functions/functions_test.cc functions/text_put_test.cc)
