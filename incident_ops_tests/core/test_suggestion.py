"""Which detectors suit an asset: a proposal that is noise, or tells personal data, would not be trusted twice."""

from dataclasses import replace

import pytest

from incident_ops.core.coverage import Part
from incident_ops.core.suggestion import AssetLook, ColumnLook, Suggestion, record_of, suggest

KEY = ColumnLook(name="order_id", type="int64", nulls=0, distinct=1000)
CHANNEL = ColumnLook(name="channel", type="string", nulls=0, distinct=2, values=("meta", "tiktok"))
AMOUNT = ColumnLook(name="amount", type="decimal(10, 2)", nulls=3, distinct=900)
ORDERS = AssetLook(
    asset="raw/orders",
    has={},
    columns=(KEY, CHANNEL, AMOUNT),
    rows=1000,
    source="duckdb:///shop.duckdb",
    is_looked_at=True,
)


def arguments_of(found: Suggestion, factory: str) -> list[tuple[str, ...]]:
    return [call.arguments for call in found.calls if call.factory == factory]


def lists(*columns: ColumnLook) -> list[str]:
    found = arguments_of(suggest(replace(ORDERS, columns=columns)), "build_accepted_values_checks")
    return [arguments[0] for arguments in found]


def keys(*columns: ColumnLook) -> list[str]:
    found = arguments_of(suggest(replace(ORDERS, columns=columns)), "build_uniqueness_checks")
    return [arguments[0] for arguments in found]


def test_a_table_that_was_looked_at_gets_what_suits_its_columns() -> None:
    found = suggest(ORDERS)
    assert [(call.factory, call.arguments) for call in found.calls] == [
        ("build_freshness_checks", ()),
        ("build_volume_checks", ()),
        ("build_schema_checks", ()),
        ("build_field_health_checks", ('columns=["channel", "amount"]',)),
        ("build_uniqueness_checks", ('columns=["order_id"]', 'name="order_id_is_unique"')),
        (
            "build_accepted_values_checks",
            ('column="channel"', 'values=["meta", "tiktok"]', 'name="channel_is_known"'),
        ),
    ]
    assert 'place = {"source": "duckdb:///shop.duckdb"}' in found.code
    compile(found.code, "code", "exec")


def test_what_the_asset_has_is_not_proposed_again_but_told() -> None:
    found = suggest(replace(ORDERS, has={Part.VOLUME: "volume", Part.OWNER: "team:fin"}))
    assert "build_volume_checks" not in found.code
    assert "# volume: it has that already (volume)" in found.code
    assert "nobody is told" not in found.code


@pytest.mark.parametrize(
    ("check", "gone"),
    [
        ("order_ids_are_unique", "build_uniqueness_checks"),
        ("unique_stg_orders_order_id", "build_uniqueness_checks"),
        ("accepted_values_orders_channel__meta__tiktok", "build_accepted_values_checks"),
        ("channel_is_known", "build_accepted_values_checks"),
        ("channel_is_unique", ""),
    ],
)
def test_a_column_that_a_check_names_is_not_proposed_again(check: str, gone: str) -> None:
    factories = {call.factory for call in suggest(replace(ORDERS, checks=(check,))).calls}
    every = {call.factory for call in suggest(ORDERS).calls}
    assert every - factories == ({gone} if gone else set())


def test_without_a_look_only_what_metadata_tells_is_proposed_and_the_rest_is_said() -> None:
    found = suggest(
        AssetLook(asset="a", has={}, columns=(ColumnLook(name="id", type="BIGINT"),), rows=5, builds=3)
    )
    assert [call.factory for call in found.calls] == [
        "build_freshness_checks",
        "build_volume_checks",
        "build_schema_checks",
        "build_field_health_checks",
    ]
    assert any("was not looked at" in note for note in found.notes)
    assert "place" not in found.code and "3 builds are remembered" in found.code


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"columns": (), "is_looked_at": False}, "its columns are not known either"),
        ({"rows": 0}, "the table is empty"),
        ({"columns": (AMOUNT,)}, "no column has a value in every row and none twice"),
        ({"is_partitioned": True}, "give its definition instead of its key"),
        ({"columns": tuple(replace(AMOUNT, name=f"c{n}") for n in range(40))}, "follows 30 of 40 columns"),
        ({}, 'owner: nobody is told of a failure yet; give the asset owners=["team:…"]'),
    ],
)
def test_what_could_not_be_seen_is_said(change: dict[str, object], says: str) -> None:
    assert any(says in note for note in suggest(replace(ORDERS, **change)).notes)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("column", "is_key"),
    [
        (KEY, True),
        (replace(KEY, nulls=1), False),
        (replace(KEY, distinct=999), False),
        (replace(KEY, type="timestamp(6)"), False),
        (replace(KEY, type="decimal(10, 2)"), False),
        (replace(KEY, name="fingerprint", type="varchar"), True),
        (replace(KEY, nulls=None, distinct=None), False),
    ],
)
def test_a_key_has_a_value_in_every_row_and_none_twice(column: ColumnLook, is_key: bool) -> None:
    """Times and amounts that happen to differ are no keys."""
    assert bool(keys(column)) is is_key


def test_of_several_keys_those_named_like_one_are_taken() -> None:
    assert keys(replace(KEY, name="hash", type="string"), KEY) == ['columns=["order_id"]']


@pytest.mark.parametrize(
    ("column", "is_list"),
    [
        (CHANNEL, True),
        (replace(CHANNEL, is_personal=True), False),
        (replace(CHANNEL, values=("ann@acme.test", "bob@acme.test")), False),
        (replace(CHANNEL, values=("a", "b" * 60)), False),
        (replace(CHANNEL, values=("only",)), False),
        (replace(CHANNEL, values=tuple("abcdefghijklm")), False),
        (replace(CHANNEL, values=tuple("abc"), type="int64"), False),
    ],
)
def test_a_list_of_values_is_short_of_text_and_of_nobody(column: ColumnLook, is_list: bool) -> None:
    assert bool(lists(column)) is is_list


def test_a_value_that_stands_for_few_rows_is_no_category() -> None:
    few = suggest(replace(ORDERS, rows=30))
    assert arguments_of(few, "build_accepted_values_checks") == []


@pytest.mark.parametrize(
    ("column", "is_followed"),
    [
        (AMOUNT, True),
        (CHANNEL, True),
        (replace(AMOUNT, distinct=1), False),
        (replace(CHANNEL, distinct=800, values=()), False),
        (replace(AMOUNT, type="array<int32>", distinct=None, nulls=None), False),
        (replace(AMOUNT, type="timestamptz"), True),
        (replace(AMOUNT, type="boolean"), True),
    ],
)
def test_constants_free_text_and_lists_have_no_figures_worth_following(
    column: ColumnLook, is_followed: bool
) -> None:
    found = arguments_of(suggest(replace(ORDERS, columns=(column,))), "build_field_health_checks")
    assert (f'columns=["{column.name}"]' in str(found)) is is_followed


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("duckdb:///data/shop.duckdb", True),
        ("postgres://reader@db.acme.test/shop", True),
        ("postgres://reader:geheim@db.acme.test/shop", False),
        ("snowflake://db/schema?password=geheim", False),
    ],
)
def test_a_password_in_the_url_is_not_printed(url: str, is_shown: bool) -> None:
    code = suggest(replace(ORDERS, source=url)).code
    assert (url in code) is is_shown
    assert "geheim" not in code
    assert ('dg.EnvVar("WAREHOUSE_URL")' in code) is not is_shown


@pytest.mark.parametrize("name", ['with "quotes" and space', "käse", "back\\slash", "{braces}", "new\nline"])
def test_names_of_all_kinds_become_python(name: str) -> None:
    look = replace(ORDERS, asset=f"raw/{name}", columns=(replace(KEY, name=name), replace(CHANNEL, name=name)))
    code = suggest(look).code
    compile(code, "code", "exec")


def test_everything_there_is_no_code_to_run() -> None:
    look = AssetLook(asset="a", has=dict.fromkeys(Part, "there"))
    assert suggest(look).calls == ()
    assert all(line.startswith("#") for line in suggest(look).code.splitlines())


def test_the_record_has_what_is_shown() -> None:
    record = record_of(suggest(ORDERS))
    assert record["asset"] == "raw/orders"
    assert [call["factory"] for call in record["calls"]][:2] == ["build_freshness_checks", "build_volume_checks"]


def test_checks_have_names_that_dagster_takes_and_no_two_alike() -> None:
    columns = [replace(CHANNEL, name=name) for name in ("größe", "a b", "a_b")]
    found = arguments_of(suggest(replace(ORDERS, columns=tuple(columns))), "build_accepted_values_checks")
    assert [arguments[-1] for arguments in found] == [
        'name="gr__e_is_known"',
        'name="a_b_2_is_known"',
        'name="a_b_3_is_known"',
    ]
