"""Lists, arrays, maps and records within each other, to a depth of three: all 84 of them, each with values in which every
level is NULL and empty somewhere.

A record can be in no table's column, so those with one are computed by the query, and in it a list is an array. Kinds and
values are edge_values.py's."""

import itertools

import edge_values

CONTAINERS = ["list", "array", "map", "record"]
# What lies in them, in turn: (type, values). The texts have what the text form of some container must escape.
LEAVES = [
    ("text", ['ä"\\\n, {(😀)}=>', "", "NULL"]),
    ("integer", ["-2147483648", "0"]),
    ("numeric(9,2)", ["-9999999.99", "0.05"]),
    ("bytea", ["\\x", "\\x00ff2c"]),
    ("timestamptz", ["1969-12-31 23:59:59.999999+00", "9999-12-31 23:59:59+00"]),
    ("double precision", ["NaN", "-0", "0.1"]),
    ("boolean", ["true", "false"]),
    ("uuid", ["ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("jsonb", ['"ä\\"\\n,"', "null"]),
]
LEAF_VALUES = dict(LEAVES)


def has_record(kind):
    return not isinstance(kind, str) and (kind[0] == "record" or has_record(kind[1]))


def is_list(kind):
    return kind[0] in ("list", "array")


def kinds():
    """{name: kind}: `of_map_list_record` is a map of lists of records."""
    paths = [path for depth in (1, 2, 3) for path in itertools.product(CONTAINERS, repeat=depth)]
    found = {}
    for number, path in enumerate(paths):
        kind = LEAVES[number % len(LEAVES)][0]
        for container in reversed(path):
            kind = (container, kind, "text") if container == "record" else (container, kind)
        found["_".join(("of", *path))] = kind
    return found


def values(kind):
    """The first has all of the others' parts, so that its type is the column's."""
    if isinstance(kind, str):
        return LEAF_VALUES[kind]
    inner = values(kind[1])
    if kind[0] == "map":
        return [{f"k{n}": value for n, value in enumerate(inner)} | {"": None, 'a "b", c=>\\': inner[-1]}, {}, {"a": None}]
    if kind[0] == "record":
        return [*((value, LEAF_VALUES["text"][n % 3]) for n, value in enumerate(inner)), (inner[0], None), (None, "x"), (None, None)]
    even = [[square(kind[1]), square(kind[1])]] if is_list(kind[1]) else []
    return [[*inner, None], [], [None], [None, *reversed(inner)], *even]


def square(kind):
    """A list with, in all of its dimensions, two items: what an array of arrays must be like in some profile."""
    if is_list(kind[1]):
        return [square(kind[1]), square(kind[1])]
    return [values(kind[1])[0], None]


def computed(kind):
    """What a query makes of the kind: only a column of a table is known to be a list."""
    if isinstance(kind, str):
        return kind
    return "array" if kind[0] == "list" else kind[0], *map(computed, kind[1:])


def expression(kind, value):
    """Of this value, without the types of what is NULL or empty: there is no name for a record's."""
    if value is None:
        return "NULL"
    if isinstance(kind, str):
        return edge_values.sql(kind, value)
    if kind[0] == "record":
        return f"ROW({', '.join(expression(*part) for part in zip(kind[1:], value))})"
    if kind[0] == "map":
        return f"MAP[{', '.join(f'{edge_values.quoted(name)} => {expression(kind[1], item)}' for name, item in value.items())}]"
    return f"{kind[0].upper()}[{', '.join(expression(kind[1], item) for item in value)}]"


STORED = {name: kind for name, kind in kinds().items() if not has_record(kind)}
COMPUTED = {name: kind for name, kind in kinds().items() if has_record(kind)}


KINDS = {"stored": STORED, "computed": COMPUTED}


def rows(relation, takes):
    """Each column's values and NULL; NULL in place of what takes(kind, value) denies."""
    by_name = {name: [*values(kind), None] for name, kind in KINDS[relation].items()}
    taken = lambda kind, value: value if takes(kind, value) else None
    return [{name: taken(KINDS[relation][name], items[row % len(items)]) for name, items in by_name.items()}
            for row in range(max(map(len, by_name.values())))]


def create(sql, suffix="", takes=lambda kind, value: True):
    """Table `stored` and view `computed`, named with the suffix, of such rows; each has a column `row` besides."""
    def tuples(relation, cell):
        kinds = KINDS[relation]
        return ", ".join(f"({number}, {', '.join(cell(kinds[name], value) for name, value in row.items())})"
                         for number, row in enumerate(rows(relation, takes)))

    columns = ", ".join(f"{name} {edge_values.sql_type(kind)}" for name, kind in STORED.items())
    sql.query(f"CREATE TABLE stored{suffix} (row int, {columns})")
    sql.query(f"INSERT INTO stored{suffix} VALUES {tuples('stored', edge_values.sql)}")
    sql.query(f"CREATE VIEW computed{suffix} AS SELECT * FROM (VALUES {tuples('computed', expression)}) AS v(row, {', '.join(COMPUTED)})")
