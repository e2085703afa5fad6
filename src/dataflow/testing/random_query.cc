#include "dataflow/testing/random_query.h"

namespace sluice::dataflow::testing {
namespace {

using engine::LogicalType;

// A query whose columns are c0, c1, …, each a bigint ('i'), a text ('s'), a double ('d'), a list of
// bigints ('l') or a struct ('r').
struct Relation {
  std::string sql;
  std::string types;
};

class Generator {
 public:
  explicit Generator(std::mt19937& random) : random_(random) {}

  Relation relation(int depth) {
    if (depth == 0) return table();
    switch (below(13)) {
      case 0:
        return filtered(depth);
      case 1:
        return projected(depth);
      case 2:
      case 3:
        return joined(depth);
      case 4:
      case 5:
        return aggregated(depth);
      case 6:
        return first_rows(depth);
      case 7:
        return combined(depth);
      case 8:
      case 9:
        return windowed(depth);
      case 10:
        return unnested(depth);
      case 11:
        return in_sets(depth);
      default:
        return with_subquery(depth);
    }
  }

 private:
  size_t below(size_t bound) { return random_() % bound; }
  template <size_t N>
  const char* any(const char* const (&words)[N]) {
    return words[below(N)];
  }

  Relation table() {
    if (below(2) == 0) {
      return {"SELECT CAST(k AS BIGINT) AS c0, a AS c1, s AS c2, d AS c3, l AS c4 FROM t", "iisdl"};
    }
    return {"SELECT CAST(k AS BIGINT) AS c0, CAST(x AS BIGINT) AS c1, w AS c2, y AS c3 FROM u",
            "iisd"};
  }

  static bool has(const Relation& of, char type) {
    return of.types.find(type) != std::string::npos;
  }

  // A column of a type, as `alias.cN`; all relations have a bigint and a text.
  std::string column(const std::string& alias, const Relation& of, char type) {
    size_t at = below(of.types.size());
    while (of.types[at] != type) at = (at + 1) % of.types.size();
    return fmt::format("{}.c{}", alias, at);
  }

  std::string integer(const std::string& alias, const Relation& of) {
    std::string one = column(alias, of, 'i');
    switch (below(5)) {
      case 0:
        return fmt::format("{} % 7 + {}", one, below(4));
      case 1:
        return fmt::format("coalesce({}, {} % 5)", one, column(alias, of, 'i'));
      case 2:
        return fmt::format("CASE WHEN {} THEN {} ELSE 2 END", condition(alias, of), one);
      default:
        return one;
    }
  }

  std::string text(const std::string& alias, const Relation& of) {
    std::string one = column(alias, of, 's');
    switch (below(4)) {
      case 0:
        return fmt::format("upper({})", one);
      case 1:
        return fmt::format("coalesce({}, 'none')", one);
      default:
        return one;
    }
  }

  std::string condition(const std::string& alias, const Relation& of) {
    const std::string one = column(alias, of, 'i');
    switch (below(8)) {
      case 6:
        return fmt::format("{} COLLATE NOCASE = 'BB'", column(alias, of, 's'));
      case 7:
        return has(of, 'd') ? fmt::format("{} >= 0", column(alias, of, 'd'))
                            : fmt::format("{} IS NOT NULL", one);
      case 0:
        return fmt::format("{} IS NULL", column(alias, of, 's'));
      case 1:
        return fmt::format("{} IN (0, 2, 3)", one);
      case 2:
        return fmt::format("{} LIKE 'a%'", column(alias, of, 's'));
      case 3:
        return fmt::format("({} > 1 OR {} IS NULL)", one, column(alias, of, 'i'));
      case 4:
        return fmt::format("{} <> {}", one, column(alias, of, 'i'));
      default:
        return fmt::format("{} < {}", one, 1 + below(5));
    }
  }

  Relation filtered(int depth) {
    const Relation from = relation(depth - 1);
    return {fmt::format("SELECT * FROM ({}) AS q WHERE {}", from.sql, condition("q", from)),
            from.types};
  }

  Relation projected(int depth) {
    const Relation from = relation(depth - 1);
    std::string last = integer("q", from);
    char type = 'i';
    if (below(4) == 0) {
      last = fmt::format("list_value({}, {})", last, integer("q", from));
      type = 'l';
    } else if (below(4) == 0) {
      last = fmt::format("struct_pack(x := {}, y := {})", last, text("q", from));
      type = 'r';
    } else if (has(from, 'd') && below(2) == 0) {
      last = column("q", from, 'd');
      type = 'd';
    }
    return {fmt::format("SELECT {}{} AS c0, {} AS c1, {} AS c2 FROM ({}) AS q",
                        below(3) == 0 ? "DISTINCT " : "", integer("q", from), text("q", from), last,
                        from.sql),
            std::string("is") + type};
  }

  Relation joined(int depth) {
    const Relation left = relation(depth - 1);
    const Relation right = relation(static_cast<int>(below(static_cast<size_t>(depth))));
    std::string on = fmt::format("{} = {}", column("l", left, 'i'), column("r", right, 'i'));
    if (below(4) == 0) {
      on = fmt::format("{} IS NOT DISTINCT FROM {}", column("l", left, 's'),
                       column("r", right, 's'));
    }
    if (has(left, 'd') && has(right, 'd') && below(3) == 0) {
      on = fmt::format("{} = {}", column("l", left, 'd'), column("r", right, 'd'));
    } else if (below(5) == 0) {
      on = fmt::format("{} COLLATE NOCASE = {}", column("l", left, 's'), column("r", right, 's'));
    }
    if (below(3) == 0) {
      on += fmt::format(" AND {} < {}", column("l", left, 'i'), column("r", right, 'i'));
    }
    if (below(4) == 0) {
      const char* kind = any({"SEMI", "ANTI"});
      return {fmt::format("SELECT l.* FROM ({}) AS l {} JOIN ({}) AS r ON {}", left.sql, kind,
                          right.sql, on),
              left.types};
    }
    return {fmt::format("SELECT {} AS c0, {} AS c1, {} AS c2, {} AS c3 FROM ({}) AS l {} JOIN ({}) "
                        "AS r ON {}",
                        column("l", left, 'i'), column("l", left, 's'), column("r", right, 'i'),
                        column("r", right, 's'), left.sql,
                        any({"INNER", "INNER", "LEFT", "RIGHT", "FULL"}), right.sql, on),
            "isis"};
  }

  std::string aggregate(const Relation& from) {
    const std::string of = column("q", from, 'i');
    switch (below(8)) {
      case 6:
        return fmt::format("count(DISTINCT {} COLLATE NOCASE)", column("q", from, 's'));
      case 7:
        return has(from, 'l') ? fmt::format("count(DISTINCT {})", column("q", from, 'l'))
                              : fmt::format("CAST(median({}) * 2 AS BIGINT)", of);
      case 0:
        return fmt::format("CAST(sum({} % 100) AS BIGINT)", of);
      case 1:
        return "count(*)";
      case 2:
        return fmt::format("count(DISTINCT {})", of);
      case 3:
        return fmt::format("min({})", of);
      case 4:
        return fmt::format("max({}) FILTER (WHERE {})", of, condition("q", from));
      default:
        return fmt::format("count({})", of);
    }
  }

  Relation aggregated(int depth) {
    const Relation from = relation(depth - 1);
    if (has(from, 'd') && below(2) == 0) {
      return {fmt::format("SELECT {} AS c0, {} AS c1, {}({}) AS c2 FROM ({}) AS q GROUP BY 1, 2",
                          integer("q", from), text("q", from), any({"min", "max", "sum", "avg"}),
                          column("q", from, 'd'), from.sql),
              "isd"};
    }
    if (below(5) == 0) {
      return {fmt::format("SELECT {} AS c0, max({}) AS c1 FROM ({}) AS q", aggregate(from),
                          column("q", from, 's'), from.sql),
              "is"};
    }
    return {fmt::format("SELECT {} AS c0, {} AS c1, {} AS c2 FROM ({}) AS q GROUP BY 1, 2{}",
                        integer("q", from), text("q", from), aggregate(from), from.sql,
                        below(4) == 0 ? " HAVING count(*) > 1" : ""),
            "isi"};
  }

  // By all columns, so that rows that tie are equal.
  Relation first_rows(int depth) {
    const Relation from = relation(depth - 1);
    std::string order = fmt::format("{} {}", column("q", from, 'i'),
                                    any({"DESC NULLS LAST", "DESC", "ASC NULLS FIRST", "ASC"}));
    for (size_t i = 0; i < from.types.size(); ++i) order += fmt::format(", q.c{}", i);
    return {fmt::format("SELECT * FROM ({}) AS q ORDER BY {} LIMIT {} OFFSET {}", from.sql, order,
                        1 + below(6), below(3)),
            from.types};
  }

  std::string all_columns_of(const Relation& from) {
    std::string all;
    for (size_t i = 0; i < from.types.size(); ++i)
      all += fmt::format("{}q.c{}", i > 0 ? ", " : "", i);
    return all;
  }

  // Where rows are told apart that tie, they are ordered by all columns.
  Relation windowed(int depth) {
    const Relation from = relation(depth - 1);
    const std::string of = column("q", from, 'i');
    const std::string partition =
        below(4) == 0
            ? ""
            : "PARTITION BY " + column("q", from, has(from, 'd') && below(3) == 0 ? 'd' : 's');
    std::string call;
    switch (below(6)) {
      case 0:
        call = fmt::format("row_number() OVER ({} ORDER BY {})", partition, all_columns_of(from));
        break;
      case 1:
        call = fmt::format("rank() OVER ({} ORDER BY {} DESC)", partition, of);
        break;
      case 2:
        call = fmt::format("CAST(sum({} % 100) OVER ({}) AS BIGINT)", of, partition);
        break;
      case 3:
        call =
            fmt::format("count({}) OVER ({} ORDER BY {})", of, partition, column("q", from, 'i'));
        break;
      case 4:
        call = fmt::format("lag({}) OVER ({} ORDER BY {})", of, partition, all_columns_of(from));
        break;
      default:
        call = fmt::format("max({}) OVER ({} ORDER BY {} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
                           of, partition, all_columns_of(from));
    }
    if (below(4) == 0) {
      return {
          fmt::format("SELECT * FROM ({}) AS q QUALIFY row_number() OVER ({} ORDER BY {}) <= {}",
                      from.sql, partition, all_columns_of(from), 1 + below(3)),
          from.types};
    }
    return {fmt::format("SELECT {} AS c0, {} AS c1, {} AS c2 FROM ({}) AS q",
                        column("q", from, 'i'), column("q", from, 's'), call, from.sql),
            "isi"};
  }

  Relation unnested(int depth) {
    const Relation from = relation(depth - 1);
    const std::string list =
        has(from, 'l') && below(3) != 0
            ? column("q", from, 'l')
            : fmt::format("list_value({}, NULL, {})", integer("q", from), integer("q", from));
    if (below(2) == 0) {
      return {fmt::format("SELECT {} AS c0, {} AS c1, e AS c2 FROM ({}) AS q, unnest({}) AS x(e)",
                          integer("q", from), text("q", from), from.sql, list),
              "isi"};
    }
    return {fmt::format("SELECT {} AS c0, {} AS c1, unnest({}) AS c2 FROM ({}) AS q",
                        integer("q", from), text("q", from), list, from.sql),
            "isi"};
  }

  Relation in_sets(int depth) {
    const Relation from = relation(depth - 1);
    const Relation narrow{
        fmt::format("SELECT {} AS c0, {} AS c1, {} AS c2 FROM ({}) AS q", integer("q", from),
                    text("q", from), integer("q", from), from.sql),
        "isi"};
    return {fmt::format("SELECT q.c0, q.c1, {} AS c2, CAST(grouping(q.c0, q.c1) AS BIGINT) AS c3 "
                        "FROM ({}) AS q GROUP BY {}",
                        aggregate(narrow), narrow.sql,
                        any({"ROLLUP (q.c0, q.c1)", "CUBE (q.c0, q.c1)",
                             "GROUPING SETS ((q.c1), (q.c0, q.c1), ())"})),
            "isii"};
  }

  Relation combined(int depth) {
    const Relation left = relation(depth - 1);
    const Relation right = relation(static_cast<int>(below(static_cast<size_t>(depth))));
    const auto side = [&](const Relation& of) {
      return fmt::format("SELECT {} AS c0, {} AS c1 FROM ({}) AS q", integer("q", of),
                         text("q", of), of.sql);
    };
    return {fmt::format(
                "({}) {} ({})", side(left),
                any({"UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"}),
                side(right)),
            "is"};
  }

  Relation with_subquery(int depth) {
    const Relation from = relation(depth - 1);
    const Relation inner = relation(static_cast<int>(below(static_cast<size_t>(depth))));
    const std::string same =
        fmt::format("{} = {}", column("i", inner, 'i'), column("q", from, 'i'));
    switch (below(4)) {
      case 0:
        return {fmt::format("SELECT * FROM ({}) AS q WHERE {}EXISTS (SELECT 1 FROM ({}) AS i "
                            "WHERE {})",
                            from.sql, any({"", "NOT "}), inner.sql, same),
                from.types};
      case 1:
        return {fmt::format("SELECT * FROM ({}) AS q WHERE {} {}IN (SELECT {} FROM ({}) AS i)",
                            from.sql, column("q", from, 'i'), any({"", "NOT "}),
                            column("i", inner, 'i'), inner.sql),
                from.types};
      case 2:
        return {fmt::format("SELECT {} AS c0, {} AS c1, (SELECT {}({}) FROM ({}) AS i WHERE {}) "
                            "AS c2 FROM ({}) AS q",
                            column("q", from, 'i'), column("q", from, 's'),
                            any({"max", "count", "min"}), column("i", inner, 'i'), inner.sql, same,
                            from.sql),
                "isi"};
      default:
        return {fmt::format("SELECT * FROM ({}) AS q WHERE {} >= (SELECT min({}) FROM ({}) AS i)",
                            from.sql, column("q", from, 'i'), column("i", inner, 'i'), inner.sql),
                from.types};
    }
  }

  std::mt19937& random_;
};

}  // namespace

std::vector<SourceTable> random_query_tables() {
  const LogicalType list = LogicalType::LIST(LogicalType::BIGINT);
  return {
      {"t",
       {{"k", "a", "s", "d", "l"},
        {LogicalType::INTEGER, LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::DOUBLE,
         list}},
       {1},
       1000},
      {"u",
       {{"k", "x", "w", "y"},
        {LogicalType::INTEGER, LogicalType::INTEGER, LogicalType::VARCHAR, LogicalType::DOUBLE}},
       {2},
       100}};
}

std::string random_query(std::mt19937& random) {
  Generator generator(random);
  return generator.relation(1 + static_cast<int>(random() % 3)).sql;
}

}  // namespace sluice::dataflow::testing
