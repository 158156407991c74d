"""Shapes of columns: what a column that had few values is compared with, once it has many."""

import pytest

from incident_ops.core.profile import ColumnProfile, Kind, Shape, TableProfile, document_of, remembered_in

FEW = Shape(values=100, categories={"web": 0.75, "mail": 0.25})


def column(categories: dict[str, int] | None, others: int = 0) -> ColumnProfile:
    return ColumnProfile(name="channel", kind=Kind.TEXT, metrics={}, categories=categories, others=others)


@pytest.mark.parametrize(
    ("now", "new", "new_rate", "moved"),
    [
        (column({"web": 75, "mail": 25}), [], 0.0, False),
        (column({"web": 74, "mail": 25, "fax": 1}), ["fax"], 0.01, False),
        (column({"web": 30, "mail": 10, "b": 30, "a": 30}), ["a", "b"], 0.6, True),
        (column({"web": 30, "mail": 10}, others=60), [], 0.6, True),
        (column({}, others=100), [], 1.0, True),
    ],
    ids=["the same", "one new", "two as frequent as each other", "many others", "nothing but others"],
)
def test_new_values_count_whether_they_have_names_or_not(
    now: ColumnProfile, new: list[str], new_rate: float, moved: bool
) -> None:
    drift = now.drift_from(FEW)
    assert drift is not None
    assert (drift.new, drift.new_rate, drift.psi > 0.25) == (new, pytest.approx(new_rate), moved)


@pytest.mark.parametrize("now", [column(None), column({})], ids=["not counted", "no values"])
def test_without_values_nothing_is_compared(now: ColumnProfile) -> None:
    assert now.drift_from(FEW) is None


def test_categories_of_a_part_of_the_rows_are_not_remembered() -> None:
    """Else the next profile would take what it shares with a past one for all there was."""
    for now, shape in ((column({"web": 3, "mail": 1}, others=96), None), (column({"web": 4}), {"web": 1.0})):
        kept = remembered_in(document_of(TableProfile(rows=100, columns={"channel": now})))
        assert kept.columns == ["channel"]
        found = kept.shapes.get("channel")
        assert (found.categories if found else None) == shape
