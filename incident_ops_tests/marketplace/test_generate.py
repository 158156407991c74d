"""The generator's promises, without which no fault could be told from noise."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import pytest

from incident_ops.core.anomaly import judge
from incident_ops.marketplace.generate import generate
from incident_ops.marketplace.sources import SOURCES

FRIDAY = date(2026, 11, 13)


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_arguments_give_the_same_bytes(source: str) -> None:
    first, second = (generate(seed=3, days=20, until=FRIDAY).frame(source) for _ in range(2))
    assert first.to_csv(index=False) == second.to_csv(index=False)


@pytest.mark.parametrize("source", ["orders", "payments", "support_tickets"])
def test_another_seed_gives_another_history(source: str) -> None:
    first, second = (generate(seed=seed, days=5, until=FRIDAY).frame(source) for seed in (1, 2))
    assert not first.equals(second)


@pytest.mark.parametrize("name", SOURCES)
def test_tomorrows_export_repeats_todays_and_adds_a_day(name: str) -> None:
    """Otherwise every refresh would rewrite history, and each of its figures would look changed."""
    source = SOURCES[name]
    today = generate(days=10, until=FRIDAY).frame(name)
    tomorrow = generate(days=11, until=FRIDAY + timedelta(days=1)).frame(name)
    assert tomorrow[source.day].max().date() > today[source.day].max().date() or name == "customers"
    pd.testing.assert_frame_equal(tomorrow.head(len(today)), today)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_delivers_the_columns_of_its_contract(name: str) -> None:
    assert tuple(generate(days=2, until=FRIDAY).frame(name)) == tuple(c.name for c in SOURCES[name].columns)


def test_weekends_are_busier_and_every_day_has_all_that_faults_need() -> None:
    orders = generate(days=56, until=FRIDAY).orders
    by_weekday = Counter(orders["ordered_at"].dt.day_of_week)
    assert by_weekday[5] > 1.15 * by_weekday[1]
    hit = orders.loc[(orders["channel"] == "tiktok") & (orders["app_version"] == "7.2")]
    assert hit["ordered_at"].dt.date.nunique() == 56


def test_keys_are_unique_and_refer_to_rows_that_exist() -> None:
    history = generate(days=40, until=FRIDAY)
    for name, key in (("orders", "order_id"), ("payments", "payment_id"), ("customers", "customer_id")):
        assert history.frame(name)[key].is_unique, name
    assert set(history.orders["customer_id"]) <= set(history.customers["customer_id"])
    assert set(history.payments["order_id"]) <= set(history.orders["order_id"])
    assert set(history.support_tickets["order_id"]) <= set(history.orders["order_id"])


@pytest.mark.parametrize("name", ["orders", "payments", "support_tickets"])
def test_no_day_of_a_healthy_shop_is_of_unusual_volume_and_a_lost_third_is_seen(name: str) -> None:
    """As the volume checks judge it, for 80 days: a demo must not cry wolf, nor sleep through a fault."""
    source = SOURCES[name]
    counts = Counter(generate(days=200, until=FRIDAY).frame(name)[source.day].dt.date)
    series = [(datetime.combine(day, time(), tzinfo=UTC), float(counts[day])) for day in sorted(counts)]
    judged = [(series[end - 119 : end], *series[end]) for end in range(120, len(series))]
    verdicts = [judge(before, rows, at=at) for before, at, rows in judged]
    assert [verdict.reason for verdict in verdicts if verdict.anomalous] == []
    if name != "support_tickets":  # two dozen a day leave room for chance
        assert all(judge(before, rows // 3, at=at).anomalous for before, at, rows in judged)


def test_a_history_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        generate(days=0, until=FRIDAY)
