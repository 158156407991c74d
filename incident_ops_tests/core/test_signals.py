"""What speaks for a record having gone wrong, and in which words."""

from typing import Any

import pytest

from incident_ops.core.provenance import Column, Materialization
from incident_ops.core.rootcause.recurrence import Earlier, recurrence
from incident_ops.core.rootcause.signals import Signal, SignalKind, differences
from incident_ops.core.schema_diff import SchemaDiff, schema_diff
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import minutes
from incident_ops_tests.histories import columns_of, record

DAY = 24 * 60


def between(
    before: dict[str, Any], after: dict[str, Any], *, earlier: list[dict[str, Any]] | None = None
) -> list[Signal]:
    builds: list[dict[str, Any]] = [*(earlier or []), before]
    past = [record("raw", n, **values) for n, values in enumerate(builds)]
    return list(differences(record("raw", 99, **after), past[-1], earlier=past))


def volume(counts: list[int], after: int) -> Signal | None:
    """What is held against the record; that the count is merely another one is said and weighs nothing."""
    found = between({"rows": counts[-1]}, {"rows": after}, earlier=[{"rows": n} for n in counts[:-1]])
    return next((signal for signal in found if signal.kind is SignalKind.VOLUME and signal.weight), None)


@pytest.mark.parametrize(
    ("counts", "after", "text"),
    [
        ([1_000], 30, "rows 1,000 → 30 (−97 %)"),
        ([1_000], 4_000, "rows 1,000 → 4,000 (+300 %)"),
        ([1_000], 0, "rows 1,000 → 0 (−100 %)"),
        ([0], 30, "rows 0 → 30"),
        ([3], 0, "rows 3 → 0 (−100 %)"),
        ([1_000], 600, None),
        ([1], 3, None),
        ([1_000, 1_010, 990, 1_005, 995, 1_000], 600, "rows 1,000 → 600 (−40 %)"),
        ([1_000, 1_010, 990, 1_005, 995, 1_000], 900, None),
        ([100, 900, 200, 1_500, 400, 1_000], 150, None),
        ([0, 900, 0, 1_500, 0, 1_000], 0, None),
        ([1_000, 1_000, 1_000, 1_000, 1_000, 450], 455, None),
        ([1_000, 30], 1_000, None),
        ([1_000, 1_000, 1_000, 30], 1_010, None),
        ([1_000, 30], 3_000, "rows 30 → 3,000 (+9,900 %)"),
        ([1_000, 0], 30, "rows 0 → 30"),
        ([30, 1_000], 30, None),
        ([0, 1_000], 0, None),
    ],
)  # fmt: skip
def test_rows_are_told_when_they_leave_the_band_of_the_earlier_ones(
    counts: list[int], after: int, text: str | None
) -> None:
    signal = volume(counts, after)
    assert (signal.summary if signal else None) == text


@pytest.mark.parametrize(
    ("counts", "after", "decisive"),
    [
        ([1_000], 450, False),
        ([1_000], 150, True),
        ([400, 1_000], 150, False),
        ([1_000] * 8, 450, True),
        ([1_000] * 8, 700, False),
    ],
)
def test_rows_are_decisive_when_far_out_or_out_of_a_well_known_band(
    counts: list[int], after: int, decisive: bool
) -> None:
    signal = volume(counts, after)
    assert signal is not None
    assert signal.decisive is decisive


@pytest.mark.parametrize(
    ("counts", "after", "said"),
    [
        ([1_000], 600, True),
        ([1_000, 30], 1_000, True),
        ([100, 900, 200, 1_500, 400], 150, True),
        ([1_000], 900, False),
    ],
)
def test_rows_within_the_band_are_said_when_they_are_other_than_last_time(
    counts: list[int], after: int, said: bool
) -> None:
    found = between({"rows": counts[-1]}, {"rows": after}, earlier=[{"rows": n} for n in counts[:-1]])
    assert [(s.weight, s.decisive) for s in found] == ([(0, False)] if said else [])


@pytest.mark.parametrize(
    ("name", "usual", "other"),
    [
        ("code", "v1", "v2"),
        ("columns", columns_of(a="int", b="int"), columns_of(a="int")),
        ("config", "1a", "2b"),
        ("tags", {"branch": "main"}, {"branch": "hotfix"}),
    ],
)
def test_a_return_to_what_was_before_is_held_against_a_record_only_where_the_step_between_was_read(
    name: str, usual: Any, other: Any
) -> None:
    past = [record("raw", n, **{name: value}) for n, value in enumerate((usual, other, usual))]
    for was_read in (False, True):
        [again] = differences(past[2], past[1], earlier=past[:2], was_read=was_read)
        assert (again.weight > 0) is was_read
        [first_time] = differences(past[2], past[1], earlier=past[1:2], was_read=was_read)
        assert first_time.weight > 0


def test_between_partitions_rows_mean_nothing_until_many_are_known() -> None:
    large, small = record("raw", 1, partition="us", rows=9_000), record("raw", 2, partition="li", rows=20)
    assert differences(small, large, earlier=[large]) == ()


@pytest.mark.parametrize("name", ["tags", "config"])
def test_what_changes_with_every_build_is_no_news(name: str) -> None:
    def value(text: str) -> dict[str, Any]:
        return {name: {"commit": text} if name == "tags" else text}

    assert [s.kind for s in between(value("a"), value("b"))] == [SignalKind(name)]
    assert between(value("c"), value("d"), earlier=[value("a"), value("b")]) == []


def test_a_code_version_that_changes_with_every_build_counts_little() -> None:
    [rare] = between({"code": "v3"}, {"code": "v4"}, earlier=[{"code": "v3"}, {"code": "v3"}])
    [usual] = between({"code": "v3"}, {"code": "v4"}, earlier=[{"code": "v1"}, {"code": "v2"}])
    assert rare.summary == usual.summary == "declared code version v3 → v4"
    assert usual.weight < 1 <= rare.weight


def test_a_version_declared_for_the_first_time_is_no_change() -> None:
    assert between({"code": None}, {"code": "v1"}) == []
    assert between({"code": "v1"}, {"code": None}) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (columns_of(a="int"), columns_of(a="INT"), SchemaDiff()),
        (columns_of(a="int"), columns_of(a="int", b="int"), SchemaDiff(added=("b",))),
        (columns_of(a="int", b="int"), columns_of(a="int"), SchemaDiff(removed=("b",))),
        (columns_of(a="int"), columns_of(a="text"), SchemaDiff(retyped=(("a", "int", "text"),))),
        (
            columns_of(id="int", price="double", at="date"),
            columns_of(id="int", cost="double", at="date"),
            SchemaDiff(renamed=(("price", "cost"),)),
        ),
        (
            columns_of(id="int", price="double"),
            columns_of(id="int", cost="text"),
            SchemaDiff(added=("cost",), removed=("price",)),
        ),
        (
            columns_of(id="int", price="double"),
            columns_of(cost="double", id="int"),
            SchemaDiff(added=("cost",), removed=("price",)),
        ),
    ],
)
def test_schemas_are_compared_by_name_and_a_renaming_is_proposed_by_type_and_place(
    before: tuple[Column, ...], after: tuple[Column, ...], expected: SchemaDiff
) -> None:
    assert schema_diff(before, after) == expected


def test_a_schema_diff_reads_well_and_an_added_column_breaks_nothing() -> None:
    wide: Materialization = record("raw", 1, columns=columns_of(**{f"c{n}": "int" for n in range(9)}))
    [signal] = differences(record("raw", 2, columns=columns_of(c0="text")), wide)
    assert signal.summary == "columns removed c1, c2, c3, c4 and 4 more; columns retyped c0 int → text"
    assert signal.decisive and signal.columns == frozenset(f"c{n}" for n in range(9))
    [added] = between({"columns": columns_of(a="int")}, {"columns": columns_of(a="int", b="int")})
    assert (added.decisive, added.summary) == (False, "columns added b")


def test_recurrence_counts_thirty_days_and_tells_of_the_last_time() -> None:
    def earlier(number: int, days: float, *, resolved: float | None = None) -> Earlier:
        return Earlier(
            id=f"INC-{number}",
            detected_at=minutes(-days * DAY),
            resolved_at=None if resolved is None else minutes(-resolved * DAY),
            resolution=None if resolved is None else Resolution.FALSE_POSITIVE,
        )

    now = minutes(0)
    assert recurrence([], now) is None
    assert recurrence([earlier(1, 31, resolved=30)], now) is None
    assert recurrence([earlier(1, 2, resolved=1.5)], now) == (
        "2nd time in 30 days; last time: INC-1, false positive, 1 day ago"
    )
    assert recurrence([earlier(3, 0.25), earlier(1, 9, resolved=8), earlier(2, 20, resolved=19)], now) == (
        "4th time in 30 days; last time: INC-3, unresolved, 6 h ago"
    )
    assert (recurrence([earlier(n, 1) for n in range(10)], now) or "").startswith("11th time")
    assert (recurrence([earlier(n, 1) for n in range(21)], now) or "").startswith("22nd time")
