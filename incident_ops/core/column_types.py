"""Whether two names of column types mean the same: what writes a schema down is not always the same program.

A warehouse says BIGINT where a data frame says `int64`, and the same program says `VARCHAR(40)` one day and
`character varying` the next.
"""

import re
from collections.abc import Mapping

_ALIKE: tuple[tuple[str, str], ...] = (
    ("int8", "tinyint byte int8"),
    ("int16", "smallint short int2 int16"),
    ("int32", "integer int int4 int32 mediumint"),
    ("int64", "bigint long int8 int64 int"),  # `int8` counts bits in frames and bytes in PostgreSQL, `int` too
    ("uint8", "utinyint uint8"),
    ("uint16", "usmallint uint16"),
    ("uint32", "uinteger uint32"),
    ("uint64", "ubigint uint64"),
    ("int128", "hugeint int128"),
    ("float32", "real float4 float32 float"),
    ("float64", "double doubleprecision float8 float64 float"),  # `float` is the one or the other
    ("decimal", "decimal numeric number dec bignumeric decimal128"),
    ("bool", "boolean bool"),
    (
        "string",
        "string str text varchar char character charactervarying characterlargeobject nvarchar nchar bpchar clob"
        " utf8 largestring stringview",
    ),
    ("binary", "binary varbinary bytea blob bytes largebinary"),
    ("date", "date date32 date32[day]"),
    ("timestamp", "timestamp datetime datetime64 timestampwithouttimezone timestamp_s timestamp_ms timestamp_us "
                  "timestamp_ns timestampntz timestamp_ntz"),
    ("timestamptz", "timestamptz timestampwithtimezone timestamp_tz timestamp_ltz"),
    ("time", "time time64 timewithouttimezone"),
    ("json", "json jsonb"),
)  # fmt: skip

_MEANINGS: Mapping[str, frozenset[str]] = {
    name: frozenset(meaning for meaning, names in _ALIKE if name in names.split())
    for _, names in _ALIKE
    for name in names.split()
}
_UNSPECIFIC = frozenset({"", "any", "null", "unknown"})
WHOLE_FLOATS = "float64 of whole numbers"
"""What pandas makes of integers as soon as one of them is null, and of such floating-point numbers."""
_MAY_BE_WHOLE = frozenset({*(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "float64"})


def same_type(one: str, other: str) -> bool:
    """Whether some two systems mean the same type by these names.

    Without regard to case, blanks, lengths of texts, units of time stamps and markers of nullability; `int64` is
    BIGINT and `float` is REAL and DOUBLE. Precision and scale of decimals count where both names have them. A name
    that says nothing (empty, `any`, `null`, `unknown`) is like every other, and `WHOLE_FLOATS` like every integer.
    """
    first, second = _plain(one), _plain(other)
    if first == second or _says_nothing(first) or _says_nothing(second):
        return True
    meant = _meanings(first) & _meanings(second)
    if "decimal" not in meant:
        return bool(meant)
    one_is_bare = not (_arguments(first) and _arguments(second))
    return one_is_bare or _arguments(first) == _arguments(second)


def is_vague(name: str) -> bool:
    """Whether another name of the same type says more: this one says nothing, or is `WHOLE_FLOATS`."""
    return _says_nothing(_plain(name)) or name == WHOLE_FLOATS


def _says_nothing(plain: str) -> bool:
    return plain in _UNSPECIFIC or plain.startswith("unknown(")


def _plain(name: str) -> str:
    return re.sub(r"\s+", "", name.casefold()).lstrip("!").removesuffix("notnull")


def _meanings(name: str) -> frozenset[str]:
    """What a name without blanks can mean: itself, where it is not known."""
    if re.match(r"(timestamp|datetime64)[(\[].*[a-z]+/[a-z]|timestamp\(.*'|datetime64\[\w+,", name):
        return frozenset({"timestamptz"})  # a time zone is named: timestamp('UTC', 6), datetime64[us, UTC]
    if name == _plain(WHOLE_FLOATS):
        return _MAY_BE_WHOLE
    base = re.sub(r"\([\d,]*\)|\[(?:s|ms|us|ns|day)\]", "", name)
    return _MEANINGS.get(base, frozenset({base}))


def _arguments(name: str) -> list[str]:
    return re.findall(r"\d+", name.partition("(")[2])
