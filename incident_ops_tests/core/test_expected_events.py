"""What was announced excuses what it announced, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.expected_events import ExpectedEvent, excuse_of
from incident_ops.core.metrics import Measured, Measurement
from incident_ops_tests.builders import make_alert

FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)
EVENT = ExpectedEvent(
    name="black friday",
    assets=("marketing/*", "orders"),
    natures=frozenset({Nature.VOLUME}),
    begins=FRIDAY,
    ends=FRIDAY + timedelta(days=3),
    up_to=6.0,
)


def point(times: float, *, usual: float = 1_000, score: float = 0.9, **anything: Any) -> Measured:
    bounds = {"low": usual * 0.9, "high": usual * 1.1}
    return Measured(metric="row_count", value=usual * times, score=score, **{**bounds, **anything})


def excuse(
    *points: Measured, event: ExpectedEvent = EVENT, at: datetime = FRIDAY, asset: str = "orders", **anything: Any
) -> str | None:
    measurement = Measurement(at=at, evaluated_at=at + timedelta(days=40), points=points)
    values: dict[str, Any] = {"check": "volume", "nature": Nature.VOLUME, "measurement": measurement, **anything}
    return excuse_of(make_alert(asset, **values), [event])


@pytest.mark.parametrize(
    ("times", "is_excused"),
    [(4, True), (6, True), (6.01, False), (40, False), (1 / 5, True), (1 / 7, False), (0, False)],
)
def test_within_the_factor_it_is_excused_more_or_less_and_beyond_it_pages(times: float, is_excused: bool) -> None:
    assert (excuse(point(times)) is not None) is is_excused


def test_the_excuse_says_what_was_announced_and_what_came() -> None:
    assert excuse(point(4)) == "expected event black friday: row_count is 4.0 times the usual, up to 6 is expected"
    less = excuse(point(0.25, column="amount"), event=replace(EVENT, up_to=None))
    assert less == "expected event black friday: row_count of amount is 4.0 times less than usual"


@pytest.mark.parametrize(
    ("at", "is_excused"),
    [(-1e-6, False), (0, True), (2.999, True), (3, False)],
)
def test_the_day_that_the_values_stand_for_counts_however_late_it_is_looked_at(
    at: float, is_excused: bool
) -> None:
    assert (excuse(point(4), at=FRIDAY + timedelta(days=at)) is not None) is is_excused


@pytest.mark.parametrize(
    ("asset", "is_excused"),
    [
        ("orders", True),
        ("marketing/ads", True),
        ("marketing/eu/ads", True),
        ("Orders", False),
        ("orders_daily", False),
    ],
)
def test_only_the_assets_named_are_excused(asset: str, is_excused: bool) -> None:
    assert (excuse(point(4), asset=asset) is not None) is is_excused


def test_an_asset_whose_key_looks_like_a_pattern_can_be_named() -> None:
    assert excuse(point(4), asset="a[b]", event=replace(EVENT, assets=("a[b]",))) is not None


def test_natures_left_out_do_not_restrict() -> None:
    assert excuse(point(4), nature=Nature.FIELD_HEALTH) is None
    assert excuse(point(4), nature=Nature.FIELD_HEALTH, event=replace(EVENT, natures=frozenset())) is not None


@pytest.mark.parametrize("unknown", [point(4, low=-inf), point(4, high=inf), point(4, usual=-1_000)])
def test_what_cannot_be_compared_with_the_usual_pages(unknown: Measured) -> None:
    assert excuse(unknown) is None
    assert excuse(unknown, event=replace(EVENT, up_to=None)) is not None


def test_every_point_that_is_out_must_be_within() -> None:
    assert excuse(point(4), point(5, column="a")) is not None
    assert excuse(point(4), point(7, column="a")) is None
    assert excuse(point(4), point(7, column="a", score=0.1)) is not None, "that one was as usual for its check"


@pytest.mark.parametrize(
    "unmeasured",
    [{"measurement": None}, {"kind": "check_errored"}, {"kind": "run_failed"}, {"kind": "freshness"}],
)
def test_what_measured_nothing_is_never_excused(unmeasured: dict[str, Any]) -> None:
    """A run that fails during a campaign is no campaign."""
    assert excuse(point(4), event=replace(EVENT, natures=frozenset(), up_to=None), **unmeasured) is None


def test_a_failure_without_a_point_that_is_out_has_another_reason() -> None:
    assert excuse(point(1, score=0.1), event=replace(EVENT, up_to=None)) is None


def test_any_of_several_events_may_excuse() -> None:
    measurement = Measurement(at=FRIDAY, evaluated_at=FRIDAY, points=(point(8),))
    alert = make_alert("orders", check="volume", nature=Nature.VOLUME, measurement=measurement)
    bigger = replace(EVENT, name="cyber week", up_to=10.0)
    found = excuse_of(alert, [EVENT, bigger])
    assert found is not None and found.startswith("expected event cyber week:")
