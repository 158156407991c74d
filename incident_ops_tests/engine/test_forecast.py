"""What the open incidents make late, as records and as news, while the clock moves."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow
from incident_ops.core.forecast.under_way import Run, RunsUnderWay, nothing_under_way
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Facts, Materialization, RecordKind
from incident_ops.core.status import Status
from incident_ops.engine.forecast import MOST_ASSETS, MOST_DEADLINES, LooksBack, Outlook, late_in, look_ahead
from incident_ops_tests.builders import T0, make_alert, make_incident, make_recovery, minutes
from incident_ops_tests.core.builds import built, chain

LINE = {"raw": (), "orders": ("raw",), "cfo_dash": ("orders",), "aside": ()}
PAST = chain(raw=10, orders=7, cfo_dash=5)
DASH_BUILT = PAST[-1].at  # yesterday, 06:22
UNTIL_TEN = TimeWindow(fail_window=minutes(60) - DASH_BUILT)
IN_AN_HOUR = {"cfo_dash": UNTIL_TEN}


class FakeHistory:
    """The newest records of each asset, and the questions it was asked."""

    def __init__(self, records: Iterable[Materialization]) -> None:
        self._records = sorted(records, key=lambda m: m.at, reverse=True)
        self.asked: list[set[str]] = []

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        self.asked.append(set(assets))
        of_each = [[m for m in self._records if m.asset == asset][:limit] for asset in assets]
        return [m for records in of_each for m in records]


class FakeStore:
    def __init__(self, records: Iterable[Materialization] = PAST) -> None:
        self.history = FakeHistory(records)

    @contextmanager
    def looking_back(self) -> Iterator[FakeHistory]:
        yield self.history


def no_ticks(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    return iter(())


def failed(asset: str = "raw", number: int = 1, **anything: Any) -> Incident:
    return make_incident(number, make_alert(asset, minutes(-60), kind="run_failed", **anything))


def catalog_of(lineage: Mapping[str, Sequence[str]], terms: Mapping[str, FreshnessTerms]) -> Catalog:
    return Catalog(AssetNode(key=key, upstream=tuple(up), freshness=terms.get(key)) for key, up in lineage.items())


def outlook(
    *incidents: Incident,
    at: datetime = T0,
    store: LooksBack | None = None,
    terms: Mapping[str, FreshnessTerms] | None = None,
    previous: Sequence[Mapping[str, Any]] = (),
    lineage: Mapping[str, Sequence[str]] = LINE,
    under_way: RunsUnderWay = nothing_under_way,
) -> Outlook:
    """Of the first incident."""
    found = look_ahead(
        store or FakeStore(),
        incidents,
        catalog=catalog_of(lineage, IN_AN_HOUR if terms is None else terms),
        ticks=no_ticks,
        previous={incidents[0].number: previous},
        now=at,
        under_way=under_way,
    )
    assert set(found) == {incident.number for incident in incidents if incident.is_open}
    return found[incidents[0].number]


def test_the_record_has_what_show_prints() -> None:
    found = outlook(failed())
    assert found.records == (
        {
            "asset": "cfo_dash",
            "deadline": "2026-11-20T10:00:00Z",
            "eta": "2026-11-20T09:22:00Z",
            "eta_high": "2026-11-20T09:22:00Z",
            "verdict": "will_make",
            "path": ["raw", "orders", "cfo_dash"],
            "basis": "median of 14 builds along raw → orders → cfo_dash: 22 min; "
            "as if raw, late since 08:00 UTC, were repaired now",
            "raised_at": None,
        },
    )
    assert (found.news, found.next_harm) == ((), None)


def test_the_real_store_gives_the_same_answer(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add_facts(Facts(materializations=tuple(PAST)))
    assert outlook(failed(), store=store) == outlook(failed())


def test_the_story_of_a_deadline_that_is_missed() -> None:
    """Told once, 20 minutes before the policy fails, and no more however often one looks."""
    told: list[tuple[int, str]] = []
    verdicts: list[str] = []
    records: list[Mapping[str, Any]] = []
    for minute in range(0, 80, 10):
        found = outlook(failed(), at=minutes(minute), previous=records)
        told += [(minute, text) for text in found.news]
        records = list(found.records)
        verdicts.append(records[0]["verdict"])
    assert told == [
        (
            40,
            "cfo_dash will miss its deadline 10:00 UTC: expected 10:02 UTC at the earliest (median of 14 builds "
            "along raw → orders → cfo_dash: 22 min; as if raw, late since 08:00 UTC, were repaired now)",
        )
    ]
    assert verdicts == ["will_make"] * 4 + ["will_miss"] * 2 + ["missed"] * 2
    assert records[0]["raised_at"] == "2026-11-20T09:40:00Z"


def test_what_was_told_is_taken_back_once_when_a_build_will_be_in_time_and_told_anew_when_it_will_not() -> None:
    """The dashboard by itself takes five minutes, or, one time in five, half an hour."""
    slow = [built("cfo_dash", minutes(-60 * 24 * day), took=30) for day in (3, 6, 9)]
    asked: list[set[str]] = []

    def dash_alone(assets: Collection[str]) -> list[Run]:
        asked.append(set(assets))
        return [Run(started_at=minutes(50), to_come=frozenset({"cfo_dash"}))]

    told: list[str] = []
    records: Sequence[Mapping[str, Any]] = ()
    for minute, runs in ((45, nothing_under_way), (51, dash_alone), (52, dash_alone), (53, nothing_under_way)):
        found = outlook(
            failed(), at=minutes(minute), previous=records, under_way=runs, store=FakeStore([*slow, *PAST])
        )
        told += found.news
        records = found.records
    assert [text.split(" (")[0] for text in told] == [
        "cfo_dash will miss its deadline 10:00 UTC: expected 10:07 UTC at the earliest",
        "cfo_dash is expected 09:55 UTC after all, before its deadline 10:00 UTC; with bad luck 10:20 UTC",
        "cfo_dash will miss its deadline 10:00 UTC: expected 10:15 UTC at the earliest",
    ]
    assert records[0]["raised_at"] == "2026-11-20T09:53:00Z"
    assert asked == [{"raw", "orders", "cfo_dash"}] * 2


def test_the_next_deadline_of_the_same_asset_is_news_again() -> None:
    rebuilt = built("cfo_dash", minutes(70), took=5)
    due = rebuilt.at + UNTIL_TEN.fail_window
    first = outlook(failed(), at=minutes(45))
    later = outlook(
        failed(), at=due - timedelta(minutes=15), previous=first.records, store=FakeStore([*PAST, rebuilt])
    )
    assert first.next_harm == minutes(60)
    assert later.next_harm == due
    assert len(first.news) == len(later.news) == 1


def test_what_was_told_is_not_told_again_when_the_trouble_comes_back() -> None:
    """It fails, is well for a moment, fails again: the thread has been told of the ten o'clock already."""
    incident = failed()
    alert = make_alert("raw", minutes(-60), kind="run_failed")
    well = incident.recovered(make_recovery(alert, minutes(46)), now=minutes(46))
    assert well.firing == ()
    first = outlook(incident, at=minutes(45))
    between = outlook(well, at=minutes(46), previous=first.records)
    again = outlook(incident, at=minutes(50), previous=between.records)
    assert [(r["verdict"], r["eta"], r["basis"]) for r in between.records] == [
        ("will_make", None, "held up no longer")
    ]
    assert (between.news, again.news) == ((), ())
    assert again.records[0]["verdict"] == "will_miss"
    assert outlook(well, at=minutes(61), previous=between.records).records == ()


def test_each_incident_has_its_own() -> None:
    late, aside = failed("orders", 1), failed("aside", 2)
    assert outlook(late, aside, at=minutes(50)).news
    assert outlook(aside, late, at=minutes(50)) == Outlook()


def test_nobody_is_asked_what_is_under_way_where_nothing_below_has_a_policy() -> None:
    def refuses(assets: Collection[str]) -> list[Run]:
        raise AssertionError("Dagster was asked")

    assert outlook(failed("aside"), under_way=refuses) == Outlook()


def test_nothing_is_read_where_nothing_below_has_a_policy() -> None:
    for terms, asset in (({}, "raw"), (IN_AN_HOUR, "aside")):
        store = FakeStore()
        assert outlook(failed(asset), store=store, terms=terms) == Outlook()
        assert store.history.asked == []


def test_only_what_lies_between_and_its_inputs_is_read() -> None:
    store, lineage = FakeStore(), {**LINE, "beside": ("raw",), "input": (), "orders": ("raw", "input")}
    outlook(failed("orders"), store=store, lineage=lineage)
    assert store.history.asked == [{"cfo_dash"}, {"raw", "input", "orders", "cfo_dash"}]


def test_an_incident_that_is_over_has_no_outlook() -> None:
    incident = replace(failed(), status=Status.RESOLVED)
    assert (
        look_ahead(
            FakeStore(), [incident], catalog=catalog_of(LINE, IN_AN_HOUR), ticks=no_ticks, previous={}, now=T0
        )
        == {}
    )


def test_a_deadline_counts_from_the_last_materialization_not_from_an_observation() -> None:
    store = FakeStore([*PAST, built("cfo_dash", minutes(-1), kind=RecordKind.OBSERVATION)])
    assert outlook(failed(), store=store).records[0]["deadline"] == "2026-11-20T10:00:00Z"


def test_what_was_never_built_has_no_deadline_to_miss() -> None:
    store = FakeStore([m for m in PAST if m.asset != "cfo_dash"])
    assert outlook(failed(), store=store) == Outlook()


def test_cron_deadlines_come_from_the_calendar_that_is_handed_in() -> None:
    def at_nine(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
        assert (cron, timezone, after) == ("0 9 * * *", "Europe/Berlin", DASH_BUILT + timedelta(hours=1))
        return iter([minutes(15)])

    terms = CronWindow(deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=1), timezone="Europe/Berlin")
    catalog = catalog_of(LINE, {"cfo_dash": terms})
    found = look_ahead(FakeStore(), [failed()], catalog=catalog, ticks=at_nine, previous={}, now=T0)
    assert found[1].next_harm == minutes(15)


def test_below_the_root_of_everything_the_soonest_deadlines_are_looked_at() -> None:
    """Those that have passed come last: they would crowd out the ones that can still be told of."""
    many = [f"mart_{n:03}" for n in range(MOST_DEADLINES + 50)]
    store = FakeStore([built("raw", minutes(-90), took=10), *(built(key, minutes(-60)) for key in many)])
    terms = {key: TimeWindow(fail_window=timedelta(minutes=20 + n)) for n, key in enumerate(many)}
    found = outlook(failed(), store=store, terms=terms, lineage={"raw": (), **dict.fromkeys(many, ("raw",))})
    assert len(found.records) == MOST_DEADLINES
    assert sum(record["verdict"] == "missed" for record in found.records) == 0
    assert found.next_harm == minutes(1)


def test_where_too_much_lies_between_the_soonest_deadline_is_looked_at_whole() -> None:
    """Half of the ways to it would make its arrival too early."""
    layers = {key: [f"{key}_{n}" for n in range(MOST_ASSETS // 2)] for key in ("later", "sooner")}
    lineage = {"raw": (), **layers} | {part: ("raw",) for parts in layers.values() for part in parts}
    store = FakeStore([built("raw", minutes(-90), took=10), *(built(key, minutes(-60)) for key in layers)])
    terms = {
        "later": TimeWindow(fail_window=timedelta(hours=3)),
        "sooner": TimeWindow(fail_window=timedelta(hours=2)),
    }
    found = outlook(failed(), store=store, terms=terms, lineage=lineage)
    assert [record["asset"] for record in found.records] == ["sooner"]
    assert store.history.asked[-1] == {"raw", "sooner", *layers["sooner"]}


@pytest.mark.parametrize(
    ("alert", "is_late"),
    [
        ({"kind": AlertKind.RUN_FAILED}, True),
        ({"kind": AlertKind.NOT_MATERIALIZED}, True),
        ({"kind": AlertKind.FRESHNESS}, True),
        ({"kind": AlertKind.CHECK_FAILED, "nature": Nature.FRESHNESS}, True),
        ({"kind": AlertKind.CHECK_FAILED}, False),
        ({"kind": AlertKind.EXTERNAL}, False),
    ],
    ids=str,
)
def test_bad_data_is_not_late_data(alert: dict[str, Any], is_late: bool) -> None:
    assert bool(late_in(make_incident(1, make_alert("raw", **alert)))) is is_late


def test_a_failed_check_that_kept_others_from_running_makes_them_late() -> None:
    incident = replace(make_incident(1, make_alert("raw")), not_run=("orders (not run: upstream raw)",))
    assert late_in(incident)["raw"].since == T0
