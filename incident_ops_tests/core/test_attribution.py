"""Attribution names the slice that explains it, the whole of it and no more, or says honestly that none does."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from incident_ops.core.attribution import (
    OTHER,
    AttributionError,
    LeftOut,
    Slice,
    localise,
    localise_columns,
    sentence,
)
from incident_ops.core.errors import IncidentOpsError
from incident_ops_tests.benchmarks.attribution import SumTable, f1_of_sums

CHANNELS, VERSIONS, COUNTRIES = ("web", "ios", "tiktok", "mail"), ("7.0", "7.1", "7.2", "7.3"), ("DE", "FR", "IT")
Row = dict[str, object]


def _orders(bad: Callable[[str, str, str], float], *, before: Callable[[str, str, str], float] | None = None):
    """One row per channel, version and country; TikTok's 7.2 is sold in Germany nearly only."""
    rows: list[Row] = []
    for channel in CHANNELS:
        for version in VERSIONS:
            for country in COUNTRIES:
                is_far = (channel, version) == ("tiktok", "7.2") and country != "DE"
                total = 20 if is_far else 400
                row: Row = {"channel": channel, "app_version": version, "country": country, "total": total}
                row["bad"] = round(total * bad(channel, version, country))
                if before is not None:
                    usual = round(4 * total * before(channel, version, country))
                    row |= {"total_before": 4 * total, "bad_before": usual}
                rows.append(row)
    return rows


def _is_the_fault(channel: str, version: str, country: str) -> float:
    return float(channel == "tiktok" and version == "7.2")


DIMENSIONS = ("channel", "app_version", "country")
FAULT = {"channel": "tiktok", "app_version": "7.2"}


def test_nulls_of_one_channel_and_version_are_named_by_exactly_these_two_not_by_a_correlated_third() -> None:
    found = localise(_orders(_is_the_fault), DIMENSIONS, measure="rate")
    assert found[0].conditions == FAULT
    assert found[0].explained == 1
    assert sentence(found) == "100 % of the failing rows: channel = tiktok and app_version = 7.2 (2 % of all rows)"


def test_a_rise_over_a_usual_rate_is_named_although_another_slice_always_fails_more() -> None:
    def usual(channel: str, version: str, country: str) -> float:
        return 0.4 if country == "IT" else 0.02

    rows = _orders(lambda *at: min(1, usual(*at) + 0.5 * (at[1] == "7.1")), before=usual)
    assert localise(rows, DIMENSIONS, measure="rate")[0].conditions == {"app_version": "7.1"}


@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0])
def test_a_failure_of_all_rows_alike_has_no_slice(rate: float) -> None:
    assert localise(_orders(lambda *_: rate), DIMENSIONS, measure="rate") == []
    assert localise(_orders(lambda *_: rate, before=lambda *_: 0.01), DIMENSIONS, measure="rate") == []


@pytest.mark.parametrize("with_history", [True, False])
def test_evenly_spread_failures_name_a_slice_in_at_most_one_table_of_fifty(with_history: bool) -> None:
    named = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        cards = random.integers(2, 9, random.integers(2, 6))
        leaves = random.choice(np.prod(cards), min(int(np.prod(cards)), 1000), replace=False)
        total = np.ceil(random.lognormal(random.uniform(1, 6), random.uniform(0.5, 2), len(leaves))).astype(int)
        if seed % 3 == 0:
            total[0] = 10 * total.sum()  # one huge leaf is no explanation
        rate = random.choice([0.005, 0.02, 0.1, 0.3])
        dimensions = {f"d{i}": column for i, column in enumerate(np.unravel_index(leaves, cards))}
        measures = {"bad": random.binomial(total, rate), "total": total}
        if with_history:
            measures |= {"bad_before": random.binomial(4 * total, rate), "total_before": 4 * total}
        named += bool(localise_columns(dimensions, measures, measure="rate"))  # pyright: ignore[reportArgumentType]
    assert named <= 4


def _folded(column: NDArray[np.int64], fails: NDArray[np.bool_]) -> list[object]:
    """As DuckDB hands a column over: values without a failing row are one."""
    told = set(column[fails].tolist())
    return [value if value in told else OTHER for value in column.tolist()]


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize(
    ("rows", "failing", "tables"),
    [
        (300, 1, 20),
        (300, 3, 50),
        (300, 5, 100),
        (300, 30, 50),
        (2_000, 4, 50),
        (2_000, 40, 50),
        (20_000, 4, 20),
        (20_000, 2_000, 20),
        (100_000, 5, 2),
    ],
)
def test_failing_rows_drawn_at_random_name_a_slice_in_at_most_one_table_of_fifty(
    rows: int, failing: int, tables: int, folded: bool
) -> None:
    random = np.random.default_rng([rows, failing])
    named: list[str] = []
    for _ in range(tables):
        fails = np.zeros(rows, dtype=np.bool_)
        fails[random.choice(rows, failing, replace=False)] = True
        dimensions: dict[str, list[object]] = {}
        for place in range(random.integers(2, 9)):
            chances = random.dirichlet(np.full(random.choice([2, 5, 10, 50]), random.choice([0.5, 20])))
            column = random.choice(len(chances), rows, p=chances)
            dimensions[f"d{place}"] = _folded(column, fails) if folded else column.tolist()
        found = localise_columns(dimensions, {"bad": fails.tolist(), "total": [1] * rows}, measure="rate")
        named += [sentence(found)] * bool(found)
    assert len(named) <= tables / 50, named


@pytest.mark.parametrize(
    ("failing_there", "failing_elsewhere", "named"),
    [
        (2, 0, False),  # two rows are an accident
        (3, 0, True),
        (3, 2, True),
        (100, 0, True),
        (100, 150, True),
        (100, 250, False),  # no accident, but five of seven failing rows have another reason
    ],
)
def test_a_slice_is_named_from_three_failing_rows_and_three_tenths_of_them_on(
    failing_there: int, failing_elsewhere: int, named: bool
) -> None:
    bad = np.zeros((100, 5), dtype=np.int64)
    for row in range(failing_there):
        bad[7, row % 5] += 1
    for row in range(failing_elsewhere):
        bad[8 + row % 90, row % 5] += 1
    shop, day = np.indices(bad.shape)
    found = localise_columns(
        {"shop": shop.ravel().tolist(), "day": day.ravel().tolist()},
        {"bad": bad.ravel().tolist(), "total": [20] * bad.size},
        measure="rate",
    )
    assert [s.conditions for s in found[:1]] == [{"shop": "7"}] * named


@pytest.mark.parametrize("measure", ["sum", "count"])
def test_sums_that_meet_their_forecast_but_for_noise_name_a_cause_in_at_most_one_table_of_twenty(
    measure: str,
) -> None:
    named = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        cards = random.integers(2, 9, random.integers(2, 5))
        places = np.unravel_index(np.arange(np.prod(cards)), cards)
        expected = np.exp(random.normal(4, 1.5, len(places[0])))
        noise = 0.0 if measure == "count" else random.choice([0.02, 0.1, 0.3])
        actual = random.poisson(expected) if measure == "count" else expected
        actual = actual * np.maximum(1 + random.normal(0, noise, len(expected)), 0)
        dimensions = {f"d{i}": column for i, column in enumerate(places)}
        named += bool(localise_columns(dimensions, {"actual": actual, "expected": expected}, measure=measure))  # pyright: ignore[reportArgumentType]
    assert named <= 10


def test_a_fall_of_the_whole_table_by_one_ratio_has_no_slice() -> None:
    table = SumTable(seed=1, severity=(0, 0))
    rows = [{**row, "actual": 0.6 * float(str(row["actual"]))} for row in table.rows]
    assert localise(rows, ["d0", "d1", "d2", "d3"], measure="sum") == []


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 0.95),
        ({"noise": 0.2}, 0.9),
        ({"zeros": 0.6}, 0.95),
        ({"tail": 2.5}, 0.95),
        ({"unforeseen": 0.05}, 0.95),
    ],
    ids=str,
)
def test_the_set_of_causes_of_a_sum_is_found_for_many_kinds_of_tables(
    options: dict[str, float], least: float
) -> None:
    f1, _ = f1_of_sums(range(1000, 1012), **options)
    assert f1 >= least


@pytest.mark.parametrize(("factor", "found"), [(0, True), (1, False), (2, True)])
def test_one_channel_of_a_few_that_is_gone_or_doubled_is_named(factor: int, found: bool) -> None:
    random = np.random.default_rng(7)
    channels, countries = ["web", "web", "ios", "ios", "mail", "mail"], ["de", "fr"] * 3
    before = random.poisson(1000, 6)
    now = random.poisson(1000, 6) * [1, 1, factor, factor, 1, 1]
    told = localise_columns(
        {"channel": channels, "country": countries},
        {"actual": now.tolist(), "expected": before.tolist()},
        measure="count",
    )
    assert [s.conditions for s in told] == ([{"channel": "ios"}] if found else [])


def test_two_causes_of_a_sum_in_opposite_directions_come_out_as_two() -> None:
    table = SumTable(seed=3, severity=(0, 0))
    factors = {"v1": 0.5, "v4": 1.8}
    rows = [{**row, "actual": float(str(row["actual"])) * factors.get(str(row["d2"]), 1)} for row in table.rows]
    found = localise(rows, ["d0", "d1", "d2", "d3"], measure="sum")
    assert sorted(s.conditions["d2"] for s in found) == ["v1", "v4"]
    assert [len(s.conditions) for s in found] == [1, 1]
    assert sum(s.explained for s in found) == pytest.approx(1, abs=0.1)


def test_a_missing_value_is_a_value_that_can_be_the_cause() -> None:
    rows = _orders(lambda channel, *_: float(channel == "ios"))
    for index, row in enumerate(rows):
        if row["channel"] == "ios":
            row["channel"] = None if index % 2 else float("nan")
    found = localise(rows, DIMENSIONS, measure="rate")
    assert sentence(found).startswith("100 % of the failing rows: channel is missing (")


@pytest.mark.parametrize(
    ("value", "conditions"),
    [
        ("(other)", [{"channel": "(other)"}]),  # as Google Analytics writes it
        (OTHER, []),
        ("(missing)", [{"channel": "'(missing)'"}]),
        (None, [{"channel": "(missing)"}]),
    ],
)
def test_a_text_that_reads_like_a_marker_is_a_value_like_any_other(
    value: object, conditions: list[dict[str, str]]
) -> None:
    rows = [
        {"channel": channel, "bad": 50 if place == 0 else 0, "total": 100}
        for place, channel in enumerate([value, "web", "ios", OTHER if value is not OTHER else "mail", "(else)"])
    ]
    assert [s.conditions for s in localise(rows, ["channel"], measure="rate")][:1] == conditions


def test_numbers_as_dimensions_are_named_as_people_write_them() -> None:
    rows = [{"bitrate": b, "bad": 50 if b == 2000.0 else 0, "total": 100} for b in (500.0, 1200.0, 2000.0, 4000.0)]
    assert localise(rows, ["bitrate"], measure="rate")[0].conditions == {"bitrate": "2000"}


def test_rows_of_the_same_leaf_are_added_up_so_that_raw_rows_and_grouped_rows_agree() -> None:
    grouped = _orders(_is_the_fault)
    split = [{**row, "bad": 0, "total": 5} for row in grouped for _ in range(int(str(row["total"])) // 5)]
    left = {tuple(row[name] for name in DIMENSIONS): int(str(row["bad"])) for row in grouped}
    for row in split:
        key = tuple(row[name] for name in DIMENSIONS)
        row["bad"] = min(5, left[key])
        left[key] -= row["bad"]
    assert localise(split, DIMENSIONS, measure="rate") == localise(grouped, DIMENSIONS, measure="rate")


@pytest.mark.parametrize("measure", ["rate", "sum", "count"])
def test_no_rows_no_failure_and_a_single_value_have_no_slice(measure: str) -> None:
    row = {"a": 1, "bad": 0, "total": 0, "actual": 0, "expected": 0}
    assert localise([], ["a"], measure=measure) == []
    assert localise([row, {**row, "a": 2}], ["a"], measure=measure) == []
    assert localise([{**row, "bad": 5, "total": 9, "actual": 9}], ["a"], measure=measure) == []


GOOD: Row = {"a": "x", "bad": 1, "total": 10, "bad_before": 0, "total_before": 10, "actual": 1, "expected": 2}


@pytest.mark.parametrize(
    ("change", "measure", "dimensions", "message"),
    [
        ({}, "ratio", ["a"], "there is no measure 'ratio': use 'rate', 'sum' or 'count'"),
        ({}, "rate", [], "give at least one dimension to look at"),
        ({}, "rate", "a", r"dimensions are a list of names, such as \['a'\]"),
        ({}, "rate", ["a", "a"], "the dimension 'a' is given twice"),
        ({}, "rate", ["b"], "a row has no 'b': a rate needs 'bad' and 'total' in each"),
        ({"bad": -1}, "rate", ["a"], "'bad' holds a negative number, and it counts rows"),
        ({"actual": -1}, "count", ["a"], "'actual' holds a negative number, and it counts rows"),
        ({"bad": 50}, "rate", ["a"], "'bad' is more than 'total': are they swapped?"),
        ({"total": float("inf")}, "rate", ["a"], "'total' holds an infinite number"),
        ({"expected": "many"}, "sum", ["a"], "'expected' holds something that is not a number"),
        ({"a": ["x"]}, "rate", ["a"], "dimension 'a' holds a value that cannot be grouped by"),
    ],
)
def test_a_table_that_cannot_be_attributed_is_refused_in_one_sentence(
    change: Row, measure: str, dimensions: list[str], message: str
) -> None:
    with pytest.raises(AttributionError, match=message) as refusal:
        localise([{**GOOD, **change}], dimensions, measure=measure)
    assert isinstance(refusal.value, ValueError)
    assert isinstance(refusal.value, IncidentOpsError)


def test_a_history_with_one_of_its_two_columns_is_refused() -> None:
    with pytest.raises(AttributionError, match="only 'bad_before' is there"):
        localise_columns({"a": ["x"]}, {"bad": [1], "total": [2], "bad_before": [1]}, measure="rate")


A = Slice(conditions={"a": "x"}, explained=0.6, score=0.5)
B = Slice(conditions={"b": "y\n z"}, explained=0.996, score=0.2, share=0.002)


@pytest.mark.parametrize(
    ("slices", "measure", "words"),
    [
        ([A, B], "rate", "60 % of the failing rows: a = x"),
        ([B], "rate", "99 % of the failing rows: b = y z (< 1 % of all rows)"),
        ([A, B], "sum", "60 % of the deviation: a = x; 99 %: b = y z"),
        ([], "rate", "no single slice explains it (looked at a, b, c, d, e, f, …)"),
    ],
)
def test_the_answer_in_words(slices: list[Slice], measure: str, words: str) -> None:
    assert sentence(slices, "abcdefg", measure=measure) == words  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ({}, "(looked at a)"),
        ({LeftOut.PERSONAL: 1}, "(looked at a; not at 1 column of personal data)"),
        ({LeftOut.MANY_VALUES: 2}, "(looked at a; not at 2 columns of too many values)"),
        (
            {LeftOut.LESS_TELLING: 4, LeftOut.MANY_VALUES: 2, LeftOut.TYPE: 1},
            "(looked at a; not at 7 columns: 2 of too many values, 1 of fractions or nested values,"
            " 4 that tell less than these)",
        ),
    ],
)
def test_that_nothing_explains_it_is_said_with_what_was_not_looked_at(
    left_out: dict[LeftOut, int], words: str
) -> None:
    assert sentence([], ["a"], left_out=left_out) == f"no single slice explains it {words}"
    assert sentence([A], ["a"], left_out=left_out) == "60 % of the failing rows: a = x"
