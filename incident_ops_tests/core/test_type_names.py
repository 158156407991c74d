"""Names of types that are slips of the pen, and those that are only rare."""

import pytest

from incident_ops.core.type_names import meant_instead

SLIPS = {
    "itneger": "integer",
    "Interger": "integer",
    "bigitn": "bigint",
    "vachar(20)": "varchar",
    "strng": "string",
    "txt": "text",
    "doubel": "double",
    "bolean": "boolean",
    "timestmap": "timestamp",
    "datatime": "datetime",
    "decmial(18, 2)": "decimal",
    "jsn": "json",
}
"""Each as written, with what was meant."""

REAL = (
    "",
    "integer",
    "INTEGER NOT NULL",
    "!int64",
    "int4",
    "Int64",
    "int256",
    "float16",
    "int unsigned",
    "double precision",
    "character varying(40)",
    "NVARCHAR2(40)",
    "ntext",
    "large_string",
    "string[pyarrow]",
    "LowCardinality(String)",
    "time with time zone",
    "timestamp with local time zone",
    "TIMESTAMP_NTZ(9)",
    "timestamptz_ns",
    "datetime64[us, UTC]",
    "DateTime64(3)",
    "datetime2(7)",
    "date64",
    "time32[ms]",
    "decimal256(40, 2)",
    "UHUGEINT",
    "VARINT",
    "bitstring",
    "array<itneger>",
    "STRUCT(a INTEGER)",
    "uuid",
    "mood",
    "feelings",
)


@pytest.mark.parametrize(("written", "meant"), SLIPS.items())
def test_a_slip_is_seen_with_what_was_meant(written: str, meant: str) -> None:
    assert meant_instead(written) == meant


@pytest.mark.parametrize("name", REAL)
def test_a_type_that_may_be_there_is_no_slip(name: str) -> None:
    assert meant_instead(name) is None
