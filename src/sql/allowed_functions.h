// The allow-list: which of the engine's functions a user can reach, and why the others do not exist
// for them. docs/design/allow-list.md explains; allowed_functions_test.cc holds the lists against
// the functions of a real instance, so that a new engine version cannot bring one in unseen.
//
// Names are compared in lower case. Pure functions over constant tables; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::sql {

enum class FunctionClass : uint8_t {
  kAllowed,
  kAnswered,  // by Sluice itself, from the session or the catalog: the engine's is never reached
  // The rest is refused, because it …
  kFiles,       // reads or writes the server's files, or remote ones
  kSettings,    // reads or changes settings, variables, logging, profiling
  kInternals,   // shows or needs the engine's internals: plans, vectors, pointers, memory, storage
  kCatalog,     // shows or names things in the engine's own catalog
  kDynamicSql,  // runs text or a relation's name as SQL, behind the resolver's back
  kState,       // changes something that outlives the query: sequences, seeds
  kMeaning,     // bears a name that means something else in PostgreSQL
  kTypes,       // takes or gives a type that is none of ours, as BIT
};
// In a few words, for messages of tests and for the documentation.
std::string_view reason(FunctionClass function_class);

// Where an expression may stand: scalar functions, aggregates, window functions, operators.
std::optional<FunctionClass> scalar_function_class(std::string_view name);
// In FROM.
std::optional<FunctionClass> table_function_class(std::string_view name);

// The names in kAllowed of each list, for tests.
std::vector<std::string_view> allowed_scalar_functions();
std::vector<std::string_view> allowed_table_functions();

}  // namespace sluice::sql
