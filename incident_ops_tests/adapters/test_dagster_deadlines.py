"""Our deadlines beside Dagster's own evaluation of the same policy, over real materializations."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import dagster as dg
import pytest
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from incident_ops.adapters.dagster_deadlines import cron_ticks
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow, next_deadline

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def policy_of(terms: FreshnessTerms) -> dg.FreshnessPolicy:
    match terms:
        case TimeWindow(fail_window=fail, warn_window=warn):
            return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
        case CronWindow(deadline_cron=cron, lower_bound_delta=delta, timezone=zone):
            return dg.FreshnessPolicy.cron(deadline_cron=cron, lower_bound_delta=delta, timezone=zone)


def dagster_on(instance: dg.DagsterInstance, key: str, terms: FreshnessTerms) -> Callable[[datetime], str]:
    """What Dagster says of the asset at a moment."""
    policy = policy_of(terms)
    definitions = dg.Definitions(assets=[dg.AssetSpec(key, freshness_policy=policy)])
    node = definitions.resolve_asset_graph().get(dg.AssetKey(key))
    evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(policy)]()

    def state(at: datetime) -> str:
        with freeze_time(at):
            return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(instance), node)).value

    return state


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NINE = CronWindow(deadline_cron="0 9 * * *", lower_bound_delta=HOUR)
BERLIN = CronWindow(deadline_cron="30 2 * * *", lower_bound_delta=2 * HOUR, timezone="Europe/Berlin")
NEW_YORK = CronWindow(deadline_cron="15 1 * * *", lower_bound_delta=HOUR, timezone="America/New_York")
WEEKDAYS = CronWindow(deadline_cron="0 9 * * 1-5", lower_bound_delta=3 * HOUR, timezone="Asia/Kolkata")
QUARTERS = CronWindow(deadline_cron="*/15 * * * *", lower_bound_delta=timedelta(minutes=10))
MONTHLY = CronWindow(deadline_cron="0 6 1 * *", lower_bound_delta=timedelta(days=2), timezone="Europe/London")
HOURLY = CronWindow(deadline_cron="0 * * * *", lower_bound_delta=timedelta(minutes=30), timezone="Europe/Berlin")

CASES: list[tuple[FreshnessTerms, str]] = [
    (TimeWindow(fail_window=6 * HOUR, warn_window=HOUR), "2026-11-20T03:00:00"),
    (TimeWindow(fail_window=timedelta(minutes=1)), "2026-11-20T03:00:00.250000"),
    (TimeWindow(fail_window=24 * HOUR), "2026-10-24T23:30:00"),  # over the end of summer time
    (NINE, "2026-11-20T08:30:00"),
    (NINE, "2026-11-20T08:00:00"),  # exactly as the window opens
    (NINE, "2026-11-20T07:59:59.500000"),
    (NINE, "2026-11-20T09:00:00"),
    (NINE, "2026-11-20T12:00:00"),
    (BERLIN, "2026-03-28T01:00:00"),  # the next 02:30 does not exist
    (BERLIN, "2026-03-29T00:10:00"),
    (BERLIN, "2026-10-24T00:10:00"),  # the next 02:30 comes twice
    (BERLIN, "2026-10-25T00:35:00"),
    (NEW_YORK, "2026-10-31T05:00:00"),
    (NEW_YORK, "2026-11-01T05:20:00"),
    (WEEKDAYS, "2026-11-20T02:00:00"),  # a Friday
    (WEEKDAYS, "2026-11-21T02:00:00"),
    (QUARTERS, "2026-11-20T09:04:59"),
    (QUARTERS, "2026-11-20T09:05:00"),
    (QUARTERS, "2026-11-20T09:05:01"),
    (MONTHLY, "2026-10-31T06:00:00"),
    (MONTHLY, "2026-02-01T00:00:00"),
    (HOURLY, "2026-10-25T00:20:00"),
    (HOURLY, "2026-03-29T00:31:00"),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_dagster_fails_the_policy_from_our_deadline_on_and_not_before(
    instance: dg.DagsterInstance, number: int
) -> None:
    terms, last = CASES[number][0], utc(CASES[number][1])
    key = f"case_{number}"
    with freeze_time(last):
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
    deadline = next_deadline(terms, last, ticks=cron_ticks)
    assert deadline is not None and deadline > last
    state = dagster_on(instance, key, terms)
    before = [last, last + (deadline - last) / 2, deadline - SECOND, deadline - timedelta(milliseconds=1)]
    after = [deadline, deadline + SECOND, *(deadline + n * 7 * HOUR for n in range(1, 30))]
    assert [moment for moment in before if moment >= last and state(moment) == "FAIL"] == []
    assert [moment for moment in after if state(moment) != "FAIL"] == []


def test_what_was_never_built_never_fails(instance: dg.DagsterInstance) -> None:
    assert dagster_on(instance, "never", NINE)(utc("2026-11-20T12:00:00")) == "UNKNOWN"
    assert next_deadline(NINE, None, ticks=cron_ticks) is None


@pytest.mark.parametrize("after", ["09:00:00", "09:00:00.500000", "09:59:59.999999"])
def test_a_tick_is_later_than_what_was_asked_for_and_falls_on_the_minute(after: str) -> None:
    """Dagster's iterator begins with the moment itself where that is a tick."""
    moment = utc(f"2026-11-20T{after}")
    for cron in ("0 * * * *", "*/30 * * * *"):
        ticks = list(islice(cron_ticks(cron, "UTC", moment), 3))
        assert ticks[0] > moment
        assert all(tick.second == tick.microsecond == 0 and tick.tzinfo is UTC for tick in ticks)
