"""Every SQL type with its edge values, and what each profile makes of them in Parquet: docs/profiles.md as a model.

Nothing in here was read from a file of Sluice's. A value is what SQL casts to its type, in the type's text form; nested
ones are Python's lists, dictionaries and tuples of such texts. Types: a scalar's name, or ("list", T), ("array", T),
("map", T), ("record", T, …), and ("vector", T, its name)."""

import dataclasses
import hashlib
import re
import struct

CODECS = ["snappy", "zstd", "gzip", "lz4_raw", "none"]
DAYS = ["4714-11-24 BC", "0044-03-15 BC", "0001-12-31 BC", "0001-01-01", "1969-12-31", "2000-02-29", "9999-12-31", "10000-01-01"]
TIMES = ["4714-11-24 00:00:00 BC", "0044-03-15 12:00:00 BC", "0001-12-31 23:59:59.999999 BC", "0001-01-01 00:00:00", "1969-12-31 23:59:59.999999",
         "2000-02-29 00:00:00.1", "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00", "294246-12-31 23:59:59.999999"]
NEVER = ["infinity", "-infinity"]

# name: (type, values). NULL comes with each.
SCALARS = {
    "bo": ("boolean", ["true", "false"]),
    "si": ("smallint", ["-32768", "32767", "0"]),
    "i": ("integer", ["-2147483648", "2147483647", "0"]),
    "bi": ("bigint", ["-9223372036854775808", "9223372036854775807", "0"]),
    "u2": ("uint2", ["0", "65535", "32768"]),
    "u4": ("uint4", ["0", "4294967295", "2147483648"]),
    "u8": ("uint8", ["0", "18446744073709551615", "9223372036854775808"]),
    "re": ("real", ["NaN", "Infinity", "-Infinity", "-0", "0", "3.4028235e+38", "1e-45", "0.1"]),
    "dp": ("double precision", ["NaN", "Infinity", "-Infinity", "-0", "0", "1.7976931348623157e+308", "5e-324", "0.1"]),
    "nu": ("numeric", ["0", "-1234567890123456789012345678.0123456789", "9999999999999999999999999999.9999999999", "0.0000000001"]),
    "n38": ("numeric(38,0)", ["9" * 38, "-" + "9" * 38, "1"]),
    "n3838": ("numeric(38,38)", ["0." + "9" * 38, "-0." + "9" * 38, "-0." + "0" * 37 + "1"]),
    "n4": ("numeric(4,2)", ["-99.99", "99.99", "0.01"]),
    "n9": ("numeric(9,2)", ["-9999999.99", "9999999.99"]),
    "n10": ("numeric(10,0)", ["-9999999999", "9999999999"]),
    "n18": ("numeric(18,3)", ["-999999999999999.999", "999999999999999.999", "0.001"]),
    "n19": ("numeric(19,19)", ["-0." + "9" * 19, "0." + "9" * 19]),
    "da": ("date", [*DAYS, "5874897-12-31", *NEVER]),
    "ti": ("time", ["00:00:00", "23:59:59.999999", "24:00:00", "10:10:10.5"]),
    "ts": ("timestamp", [*TIMES, *NEVER]),
    "tz": ("timestamptz", [*(re.sub("( BC)?$", r"+00\1", time, count=1) for time in TIMES), *NEVER, "2024-06-01 12:00:00+02"]),
    "iv": ("interval", ["1 year 2 mons 3 days 04:05:06.007", "00:00:00", "1193:02:47.295", "178956970 years 7 mons 2147483647 days",
                        "00:00:00.000001", "1193:02:47.296", "-1 mons", "-1 days", "-00:00:01", "1 day -00:00:01", "-1 mons +1 day"]),
    "te": ("text", ["", "NULL", "ä\"\\\n\t\u0001 😀", "{a,b}", " ", "x\ufeff", "x" * 64, "ä" * 50, "x" * 5000]),
    "vc": ("varchar(5)", ["abcde", "", "äöüß😀"]),
    "ch": ("char(5)", ["ab   ", "äöüß😀"]),
    "ba": ("bytea", ["\\x", "\\x00", "\\x00ff", "\\x" + "ff" * 70]),
    "id": ("uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "7fffffff-ffff-ffff-8000-000000000000",
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    "js": ("jsonb", ["null", "[]", '""', '{"a":[1,null,"x"]}', '"ä\\"\\n😀"', "1234567890123456789012345678901234567890.5"]),
    "mt": ("mz_timestamp", ["0", "18446744073709551615"]),
    "oi": ("oid", ["0", "4294967295"]),
    "xi": ("xid", ["0", "4294967295"]),
    "rt": ("regtype", ["23", "0"]),
    "rc": ("regclass", ["1259", "0"]),
    "rp": ("regproc", ["4294967295"]),
    "rn": ("regnamespace", ["11"]),
    "na": ("name", ["", "a" * 63]),
    "ic": ('"char"', ["", "a"]),
    "ac": ("aclitem", ["postgres=r/postgres"]),
}
# What no column of a table can have, and is told so: (type, SQLSTATE, message).
REFUSED = [("numeric(39,39)", "0A000", "type numeric(39,39) is not supported for columns"),
           *((kind, "42P16", f"column has pseudo-type {kind}") for kind in ("record", "unknown", "void"))]
# More of nesting than one of each type has.
DEEPER = {
    "iv2": (("vector", "smallint", "int2vector"), [[], ["-32768", None, "32767"]]),
    "ov": (("vector", "oid", "oidvector"), [[], ["0", None, "4294967295"]]),
    "lll": (("list", ("list", ("list", "integer"))), [[], [[]], [[[]]], [[["1"], [], None], [], None, [[None, "2"]]]]),
    "mm": (("map", ("map", "integer")), [{}, {"a": {}}, {"a": {"x": "1", "y": None}, "b": {}, "c": None, "ä, b": {"z": "3"}, "": None}]),
    "lm": (("list", ("map", "uuid")), [[], [{}], [{"a": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "b": None}, {}, None]]),
    "ml": (("map", ("list", "uint8")), [{}, {"a": []}, {"a": ["18446744073709551615", None], "b": None}]),
    "a2": (("array", ("array", "text")), [[], [["a", "b"], [None, ""]], [["a"], ["b", "c"]], [["a"], None]]),
    "a3": (("array", ("array", ("array", "integer"))), [[[["1", "2"]], [["3", None]]], [[["1"], ["2"]], [["3"]]], [[["1"], ["2"]], [["3"], ["4", "5"]]]]),
    "la": (("list", ("array", ("array", "integer"))), [[], [[["1", "2"], ["3", "4"]], None, []], [[["1"], ["2", "3"]]]]),
    "ma": (("map", ("array", "numeric(9,2)")), [{"x": ["5.00", None], "y": None, "z": []}]),
}


def sql_type(kind):
    if isinstance(kind, str):
        return kind
    return {"list": "{} list", "array": "{}[]", "map": "map[text=>{}]", "vector": kind[-1]}[kind[0]].format(sql_type(kind[1]))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def sql(kind, value):
    """An expression of this value."""
    if value is None:
        return f"NULL::{sql_type(kind)}"
    if isinstance(kind, str):
        return f"{quoted(value)}::{kind}"
    if kind[0] == "vector":
        return f"'{{{','.join(item or 'NULL' for item in value)}}}'::{sql_type(kind)}"
    if kind[0] == "map":
        return f"MAP[{', '.join(f'{quoted(name)} => {sql(kind[1], item)}' for name, item in value.items())}]::{sql_type(kind)}"
    return f"{kind[0].upper()}[{', '.join(sql(kind[1], item) for item in value)}]::{sql_type(kind)}"


# ---- what the texts mean

def days(text):
    """'0044-03-15 BC' as a number of days since 1970; infinity is the largest number."""
    if text in NEVER:
        return (2**31 - 1) * (-1 if text[0] == "-" else 1)
    year, month, day = map(int, re.match(r"(\d+)-(\d+)-(\d+)", text).groups())
    year = 1 - year if text.endswith("BC") else year
    year -= month < 3
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    from_march_of_0_to_1970 = 719_468
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - from_march_of_0_to_1970


def clock(text):
    """The microseconds of '-04:05:06.7', wherever it is; 0 without."""
    found = re.search(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?", text)
    if not found:
        return 0
    sign, hours, minutes, seconds, fraction = found.groups()
    micros = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    return -micros if sign else micros


def instant(text):
    """Microseconds since 1970, in UTC."""
    if text in NEVER:
        return (2**63 - 1) * (-1 if text[0] == "-" else 1)
    zone = re.search(r":\d\d(?:\.\d+)?\+(\d\d)", text)
    return days(text) * 86_400_000_000 + clock(text) - int(zone.group(1) if zone else 0) * 3_600_000_000


def span(text):
    """Months, days and microseconds of an interval."""
    parts = {unit: int(number) for number, unit in re.findall(r"(-?\d+) (year|mon|day)", text)}
    return parts.get("year", 0) * 12 + parts.get("mon", 0), parts.get("day", 0), clock(text)


# ---- profiles

@dataclasses.dataclass(frozen=True)
class Profile:
    """One column of docs/profiles.md, as far as values and DuckDB's types tell of it."""
    name: str
    decimals_of_38: bool = False
    widens: bool = False
    uuid: str = "UUID"
    json: str = "JSON"
    times: str = "TIME"
    zoned: str = "TIMESTAMP WITH TIME ZONE"
    intervals: str = "VARCHAR"
    has_items: bool = False
    usual_years: bool = False
    upper_case: bool = False

    def named(self, name):
        return name.upper() if self.upper_case else name


WAREHOUSE = {"widens": True, "uuid": "VARCHAR", "json": "VARCHAR", "usual_years": True}
PROFILES = [
    Profile("materialize", decimals_of_38=True, uuid="BLOB", json="VARCHAR", has_items=True),
    Profile("default"),
    Profile("snowflake", **WAREHOUSE, upper_case=True),
    Profile("bigquery", **WAREHOUSE),
    Profile("redshift", **WAREHOUSE, times="VARCHAR", zoned="TIMESTAMP"),
    Profile("databricks", **WAREHOUSE, times="VARCHAR"),
    Profile("duckdb", intervals="INTERVAL"),
]
OIDS = {"oid", "xid", "regtype", "regclass", "regproc", "regnamespace"}
NUMBERS = {"smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "uint2": "USMALLINT", "uint4": "UINTEGER", "uint8": "UBIGINT",
           "mz_timestamp": "UBIGINT", **dict.fromkeys(OIDS, "UINTEGER")}
WIDER = {"USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "DECIMAL(20,0)"}
AS_THEY_ARE = {"boolean": "BOOLEAN", "real": "FLOAT", "double precision": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP", "bytea": "BLOB"}


def digits(kind):
    """Precision and scale of a numeric."""
    return tuple(map(int, re.findall(r"\d+", kind))) or (38, 10)


def is_numeric(kind):
    return kind.startswith("numeric")


def form(profile, kind):
    """The type that DuckDB sees in the file."""
    if isinstance(kind, str):
        if is_numeric(kind):
            precision, scale = digits(kind)
            return f"DECIMAL({38 if profile.decimals_of_38 else precision},{scale})"
        if kind in NUMBERS:
            return WIDER.get(NUMBERS[kind], NUMBERS[kind]) if profile.widens else NUMBERS[kind]
        by_profile = {"uuid": profile.uuid, "jsonb": profile.json, "time": profile.times, "timestamptz": profile.zoned, "interval": profile.intervals}
        return by_profile.get(kind) or AS_THEY_ARE.get(kind, "VARCHAR")
    if kind[0] == "map":
        return f"MAP(VARCHAR, {form(profile, kind[1])})"
    if kind[0] == "record":
        return f"STRUCT({', '.join(f'{profile.named(name)} {form(profile, item)}' for name, item in fields(kind))})"
    if kind[0] == "array" and profile.has_items:
        return f"STRUCT(items {form(profile, innermost(kind))}[], dimensions UTINYINT)"
    return form(profile, kind[1]) + "[]"


def fields(record):
    return [(f"f{number}", kind) for number, kind in enumerate(record[1:], 1)]


def innermost(kind):
    return innermost(kind[1]) if kind[0] == "array" else kind


def below_scalar(in_file, kind, text):
    if kind == "boolean":
        return text == "true"
    if kind in ("real", "double precision"):
        return struct.pack(">f" if kind == "real" else ">d", float(text)).hex()
    if is_numeric(kind):
        whole, _, fraction = text.partition(".")
        return str(int(whole + fraction.ljust(digits(kind)[1], "0")))
    if kind in NUMBERS:
        return text
    if kind == "date":
        return str(days(text))
    if kind in ("timestamp", "timestamptz"):
        return str(instant(text))
    if kind == "bytea":
        return text.removeprefix("\\x")
    if in_file == "TIME":
        return str(clock(text))
    if in_file == "INTERVAL":
        return list(map(str, span(text)))
    if in_file in ("UUID", "BLOB"):
        return text.replace("-", "")
    return shown(text.rstrip(" ") if kind.startswith("char(") else text)


def shown(text):
    """As readers/values.mjs shows texts."""
    return hashlib.sha256(text.encode()).hexdigest() if len(text) > 4096 else "t:" + text


def below(profile, kind, value, scalar=below_scalar):
    """What lies below the value in the file, as readers/values.mjs shows it."""
    of = lambda item_kind, item: below(profile, item_kind, item, scalar)
    if value is None:
        return None
    if isinstance(kind, str):
        return scalar(form(profile, kind), kind, value)
    if kind[0] == "map":
        return [["t:" + name, of(kind[1], item)] for name, item in value.items()]
    if kind[0] == "record":
        return {profile.named(name): of(item, part) for (name, item), part in zip(fields(kind), value)}
    if kind[0] == "array" and profile.has_items:
        items, dimensions = value, 1
        while kind[1][0] == "array":
            kind, items, dimensions = kind[1], [item for list_ in items for item in list_], dimensions + 1
        return {"items": [of(kind[1], item) for item in items], "dimensions": str(dimensions if items else 0)}
    return [of(kind[1], item) for item in value]


# ---- refusals

def refusal(profile, kind, value):
    """The SQLSTATE and a piece of the message with which the profile refuses this value; None: it takes it."""
    if value is None:
        return None
    if isinstance(kind, str):
        return refusal_of_scalar(profile, kind, value)
    if kind[0] == "array" and profile.has_items and not is_even(kind, value):
        return "2202E", "arrays within an array must be of one length"
    if kind[0] == "record":
        inner = [refusal(profile, item, part) for item, part in zip(kind[1:], value)]
    else:
        inner = [refusal(profile, kind[1], item) for item in (value.values() if kind[0] == "map" else value)]
    return next(filter(None, inner), None)


def refusal_of_scalar(profile, kind, text):
    if profile.usual_years and kind in ("date", "timestamp", "timestamptz"):
        if text in NEVER or text.endswith("BC") or int(text.partition("-")[0]) > 9999:
            return "22008", "is not within the years 1 to 9999"
    if kind == "interval" and profile.intervals == "INTERVAL":
        months, whole_days, micros = span(text)
        if min(months, whole_days, micros) < 0 or micros % 1000 or micros // 1000 >= 2**32:
            return "22008", "is none of Parquet's"
    return None


def is_even(kind, value):
    """All arrays within it are of one length, as an array of some dimensions must be."""
    if kind[1][0] != "array":
        return True
    if None in value:
        return False
    return len({len(item) for item in value}) <= 1 and is_even(kind[1], [item for list_ in value for item in list_])
