list(APPEND SQL_SOURCES front/cursor.cc front/distinct.cc front/engine_parser.cc front/lexer.cc front/meaning.cc
  front/names.cc front/parse.cc front/parse_copy.cc front/parse_objects.cc front/parse_session.cc
  front/refused.cc front/rewrite.cc front/rows.cc front/windows.cc)
list(APPEND SQL_TESTS front/lexer_test.cc front/meaning_test.cc front/parse_test.cc)
list(APPEND SQL_FUZZERS front/parse_fuzzer.cc)
