# What engine/functions adds to the engine's library and tests.
list(APPEND ENGINE_SOURCES
  functions/json.cc
  functions/nested_in.cc
  functions/temporal_in.cc
  functions/text_in.cc
  functions/text_out.cc
  functions/time_zone.cc)
