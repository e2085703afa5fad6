// A session's settings (SET, SHOW): the names PostgreSQL and Materialize clients expect, what each
// may be, and what belongs to a transaction.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::session {

class Settings {
 public:
  Settings();

  // As SHOW gives it; names are case-insensitive. Nothing for an unknown name.
  std::optional<std::string> get(std::string_view name) const;
  // 42704 for an unknown name, 55P02 for one that can't be changed, 22023 for a bad value.
  Status set(std::string_view name, std::string_view value);
  Status reset(std::string_view name);
  void reset_all();
  struct Shown {
    std::string name, value, description;
  };
  std::vector<Shown> all() const;

  // Milliseconds, 0: none.
  int64_t statement_timeout_ms() const;
  std::vector<std::string> search_path() const;
  const std::string& time_zone() const;
  bool read_only() const;  // the transaction
  static bool is_time_zone(std::string_view name);

  // ROLLBACK takes back what was SET since begin(); SET LOCAL ends with the transaction anyway, and
  // transaction_read_only is default_transaction_read_only again.
  void begin_transaction();
  void set_local(std::string_view name);  // the value set next is local
  void end_transaction(bool committed);

  // Called after each change of a setting that the protocol reports, with its canonical name.
  std::function<void(const std::string& name, const std::string& value)> reported;

 private:
  using Values = std::map<std::string, std::string, std::less<>>;  // by lower-case name

  void assign(const std::string& key, const std::string& value);
  void default_read_only();

  Values values_;
  std::optional<Values> at_begin_;
  Values before_local_;  // values that SET LOCAL covers
};

}  // namespace sluice::session
