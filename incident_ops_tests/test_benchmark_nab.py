"""The scores that the benchmark `intraday` reports, on cases whose answer is known by hand."""

from collections.abc import Mapping

import numpy as np
import pytest

from incident_ops_tests.benchmarks.nab import Array, Events, Labelled, best_f1, events, labelled, standard_score

STEP = 300
COUNT = 1000
WINDOWS = [(400.0 * STEP, 499.0 * STEP), (700.0 * STEP, 799.0 * STEP)]
SERIES = labelled("some/series", STEP * np.arange(float(COUNT)), np.zeros(COUNT), WINDOWS)


def told(scores: Mapping[int, float] | list[int]) -> tuple[list[Labelled], list[Array]]:
    given = scores if isinstance(scores, Mapping) else dict.fromkeys(scores, 1.0)
    every = np.zeros(COUNT)
    every[list(given)] = list(given.values())
    return [SERIES], [every]


@pytest.mark.parametrize(
    ("alerts", "score"),
    [
        ([], 0.0),
        ([400, 700], 100.0),
        ([400], 50.0),
        ([400, 401, 402, 700], 100.0),
        ([400, 700, 300], 100 - 11 / 4),  # nothing before it: a false positive costs all of .11, of 4
        ([400, 700, 100], 100.0),  # in the probation
        ([400, 700, 997], 100 - 11 / 4 * 0.9999),
    ],
)
def test_the_score_is_that_of_nab(alerts: list[int], score: float):
    assert standard_score(*told(alerts), threshold=0.5) == pytest.approx(score, abs=0.01)


def test_earlier_in_a_window_is_better_and_just_behind_it_costs_little():
    at = [standard_score(*told([place]), threshold=0.5) for place in (400, 450, 499, 505, 560, 650)]
    assert at == sorted(at, reverse=True)
    assert at[2] > 0 > at[3] > -0.5


def test_without_a_threshold_it_is_the_best_for_all_series():
    scores = told({400: 0.9, 700: 0.6, 300: 0.3, 310: 0.2})
    assert standard_score(*scores) == pytest.approx(100)
    assert standard_score(*scores, threshold=0.25) < 100
    assert standard_score(*told({300: 1.0})) == 0.0


def test_scores_that_are_alike_are_told_together():
    assert standard_score(*told({400: 0.9, 300: 0.9})) == standard_score(*told([400, 300]), threshold=0.5)


@pytest.mark.parametrize(
    ("alerts", "found", "right", "of"),
    [
        ([], 0, 0, 0),
        ([400, 405, 417, 450], 1, 2, 2),  # up to an hour apart is one
        ([395, 405], 1, 1, 1),
        ([300, 400, 700], 2, 2, 3),
        ([100], 0, 0, 0),
    ],
)
def test_alerts_of_one_hour_are_one(alerts: list[int], found: int, right: int, of: int):
    assert events(*told(alerts), 0.5) == Events(found=found, windows=2, right=right, alerts=of)


def test_f1_is_of_windows_found_and_alerts_right():
    assert Events(found=1, windows=2, right=2, alerts=2).f1 == pytest.approx(2 / 3)
    assert Events(found=0, windows=2, right=0, alerts=0).f1 == 0.0


def test_the_best_f1_is_at_least_that_of_a_threshold_in_the_middle():
    scores = told({place: 1 - place / COUNT for place in range(200, 900, 20)})
    assert best_f1(*scores) >= events(*scores, 0.4).f1 > 0
