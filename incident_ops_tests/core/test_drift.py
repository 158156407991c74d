"""How far two distributions are apart, and what a profile keeps of them."""

from math import isclose, log

import numpy as np
import pytest

from incident_ops.core.drift import by_chance, edges_in, jensen_shannon, psi, shares_in
from incident_ops.core.profile import (
    ColumnProfile,
    Kind,
    Metric,
    ProfileError,
    TableProfile,
    document_of,
    remembered_in,
)


@pytest.mark.parametrize(
    ("expected", "actual", "index", "distance"),
    [
        ([0.5, 0.5], [0.5, 0.5], 0.0, 0.0),
        ([1, 1], [50, 50], 0.0, 0.0),
        ([0.5, 0.5], [0.9, 0.1], 0.4 * log(1.8) + 0.4 * log(5), 0.3831),
        ([1.0, 0.0], [0.0, 1.0], 2 * 0.9999 * log(9999 + 0.0001), 1.0),
    ],
)
def test_the_index_and_the_distance_of_known_shares(
    expected: list[float], actual: list[float], index: float, distance: float
) -> None:
    assert psi(expected, actual) == pytest.approx(index, rel=1e-3)
    assert psi(actual, expected) == pytest.approx(index, rel=1e-3)
    assert jensen_shannon(expected, actual) == pytest.approx(distance, abs=1e-4)


def test_a_bin_that_empties_does_not_make_the_index_infinite() -> None:
    assert psi([0.1, 0.9], [0.0, 1.0]) == pytest.approx(0.7, abs=0.02)
    assert psi([0.0, 1.0], [0.01, 0.99]) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(("expected", "actual"), [([0.0], [1.0]), ([], []), ([1.0], [0.5, 0.5])])
def test_what_has_no_mass_or_other_bins_is_not_compared(expected: list[float], actual: list[float]) -> None:
    with pytest.raises(ValueError, match=r"mass|zip"):
        psi(expected, actual)


def test_chance_alone_reaches_its_bound_about_once_in_a_thousand() -> None:
    random = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    bound = by_chance(10, 400, 900)
    draws = 4000
    over = sum(
        psi(random.multinomial(400, shares).tolist(), random.multinomial(900, shares).tolist()) > bound
        for _ in range(draws)
    )
    assert 0 < over < draws * 0.005


def test_bins_of_equal_mass_find_it_again() -> None:
    quantiles = np.quantile(np.random.default_rng(3).lognormal(size=10_000), np.linspace(0, 1, 101)).tolist()
    edges = edges_in(quantiles)
    assert len(edges) == 9
    assert shares_in(quantiles, edges) == pytest.approx([0.1] * 10, abs=1e-6)


def test_a_value_that_repeats_is_one_bin_and_a_little_more_of_it_no_drift() -> None:
    def quantiles(zeros: float) -> list[float]:
        values = np.concatenate([np.zeros(round(zeros * 10_000)), np.linspace(1, 9, round((1 - zeros) * 10_000))])
        return np.quantile(values, np.linspace(0, 1, 101)).tolist()

    edges = edges_in(quantiles(0.598))
    assert edges[0] == 0.0
    assert len(edges) == 5
    assert psi(shares_in(quantiles(0.598), edges), shares_in(quantiles(0.603), edges)) < 0.01
    assert psi(shares_in(quantiles(0.598), edges), shares_in(quantiles(0.9), edges)) > 0.25


@pytest.mark.parametrize("value", [1.0, -3.0])
def test_values_beyond_all_that_was_fall_in_the_outer_bins(value: float) -> None:
    shares = shares_in([value * 100] * 2, [-1.0, 0.0, 1.0])
    assert shares == ([0, 0, 0, 1] if value > 0 else [1, 0, 0, 0])


# ---- profiles


def numbers(low: float, high: float) -> ColumnProfile:
    quantiles = np.linspace(low, high, 101).tolist()
    return ColumnProfile(name="n", kind=Kind.NUMBER, metrics={}, quantiles=quantiles, values=5000)


def texts(**counts: int) -> ColumnProfile:
    return ColumnProfile(name="t", kind=Kind.TEXT, metrics={Metric.NULL_RATE: 0}, categories=counts)


def kept(*columns: ColumnProfile):
    profile = TableProfile(rows=10, columns={column.name: column for column in columns})
    return remembered_in(document_of(profile))


def test_a_profile_comes_back_from_its_document_as_it_is_compared() -> None:
    shapes = kept(numbers(0, 10), texts(a=90, b=10)).shapes
    same = numbers(0, 10).drift_from(shapes["n"])
    assert same is not None
    assert isclose(same.psi, 0, abs_tol=1e-6)
    moved = numbers(5, 15).drift_from(shapes["n"])
    assert moved is not None
    assert moved.psi > 1
    assert 0.5 < moved.js <= 1
    assert same.chance < 0.02


def test_new_categories_are_named_by_falling_share() -> None:
    drift = texts(a=80, c=15, d=5).drift_from(kept(texts(a=90, b=10)).shapes["t"])
    assert drift is not None
    assert (list(drift.new), drift.new_rate) == (["c", "d"], pytest.approx(0.2))


def test_what_has_no_values_has_no_shape_and_no_drift() -> None:
    nothing = ColumnProfile(name="nothing", kind=Kind.NUMBER, metrics={})
    constant = ColumnProfile(name="constant", kind=Kind.NUMBER, metrics={}, quantiles=[3.0] * 101)
    found = kept(nothing, constant, numbers(0, 1))
    assert list(found.columns) == ["nothing", "constant", "n"]
    assert list(found.shapes) == ["n"]
    assert nothing.drift_from(found.shapes["n"]) is None
    assert constant.shape is None


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "JSON object"),
        ({"version": 9}, "version 9"),
        ({"version": 1}, "lacks"),
        ({"version": 1, "rows": 1, "columns": {"a": {"values": 1, "edges": [1], "shares": [1]}}}, "2 bins"),
        ({"version": 1, "rows": 1, "columns": {"a": {"values": 1, "categories": {"x": -1}}}}, "not negative"),
    ],
)
def test_a_document_of_another_form_is_refused(document: object, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        remembered_in(document)
