"""Names of types of several systems: which mean the same."""

import pytest

from incident_ops.core.column_types import WHOLE_FLOATS, same_type

ALIKE = [
    ("int64", "BIGINT"),
    ("int64", "!int64"),
    ("bigint", "int8"),
    ("int8", "TINYINT"),
    ("INTEGER", "int4"),
    ("INT", "int64"),
    ("VARCHAR(255)", "text"),
    ("character varying(40)", "string"),
    ("object", "OBJECT"),
    ("DOUBLE PRECISION", "float64"),
    ("float", "float64"),
    ("float", "REAL"),
    ("decimal(18, 2)", "NUMERIC(18,2)"),
    ("numeric", "DECIMAL(18, 2)"),
    ("timestamp(6)", "datetime64[ns]"),
    ("timestamp without time zone", "TIMESTAMP"),
    ("timestamp('UTC', 6)", "TIMESTAMP WITH TIME ZONE"),
    ("datetime64[us, UTC]", "timestamptz"),
    ("", "anything"),
    ("array<int64>", "ARRAY<INT64>"),
    ("NULL", "VARCHAR"),
    ('unknown(DataType(this=DType.USERDEFINED, kind="NULL"))', "VARCHAR"),
    (WHOLE_FLOATS, "BIGINT"),
    (WHOLE_FLOATS, "SMALLINT"),
    (WHOLE_FLOATS, "DOUBLE"),
    (WHOLE_FLOATS, WHOLE_FLOATS),
]
APART = [
    ("int64", "int32"),
    ("BIGINT", "VARCHAR"),
    ("TINYINT", "BIGINT"),
    ("REAL", "DOUBLE"),
    ("decimal(18, 2)", "decimal(10, 2)"),
    ("TIMESTAMP", "timestamptz"),
    ("datetime64[us]", "datetime64[us, UTC]"),
    ("timestamp(6)", "timestamp('UTC')"),
    ("DATE", "TIMESTAMP"),
    ("array<int64>", "int64"),
    ("object", "string"),
    (WHOLE_FLOATS, "VARCHAR"),
    (WHOLE_FLOATS, "REAL"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_names_of_one_type_are_no_change(one: str, other: str) -> None:
    assert same_type(one, other) and same_type(other, one)


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_types_are_told_apart(one: str, other: str) -> None:
    assert not same_type(one, other) and not same_type(other, one)
