"""What the open incidents will make late: forecasts as records, and the news in them.

Computed by `core.forecast`; here is which assets an incident makes late, what has to be read for it, and what was
said already. Nothing is written: the caller keeps the records and tells the news.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.catalog import Catalog
from incident_ops.core.forecast import Expected, Verdict, between, clock_text, forecast, next_harm
from incident_ops.core.forecast.arrivals import LateSince
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, Ticks, TimeWindow, next_deadlines
from incident_ops.core.forecast.habits import NEWEST
from incident_ops.core.forecast.under_way import RunsUnderWay, builds_of, nothing_under_way
from incident_ops.core.incident import Incident
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization, RecordKind
from incident_ops.core.record import utc_text
from incident_ops.core.urgency import Harm

MOST_DEADLINES = 100
"""Deadlines that are looked at for one incident, soonest first: a root of everything has thousands below it, and
who reads of a hundred that will be missed needs no more."""
MOST_ASSETS = 2_000
"""Assets between an incident and its deadlines: with twenty builds each about half a second's work."""
RECENT = 5
"""Records read to find when an asset was last materialized; observations may be among them."""

Record = dict[str, Any]


class Builds(Protocol):
    """The history, as far as it is needed here (see `ports.History`)."""

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]: ...


class LooksBack(Protocol):
    """The store, as far as it is needed here (see `ports.Store`)."""

    def looking_back(self) -> AbstractContextManager[Builds]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What one incident makes late.

    Attributes:
        records: as JSON has them, soonest deadline first: `asset`, `deadline`, `eta`, `eta_high`, `verdict`,
            `path`, `basis`, `raised_at` (null until it was said that the deadline will be missed, and when that
            was taken back).
        news: a sentence for each deadline of which it is to be said now that it will be missed, or that it will be
            made after all.
        next_harm: the earliest deadline ahead that will be missed.
    """

    records: tuple[Record, ...] = ()
    news: tuple[str, ...] = ()
    next_harm: datetime | None = None


def late_in(incident: Incident) -> dict[str, LateSince]:
    """Asset → since when it is late, for what the incident keeps from being built.

    A failed check alone delays nothing: what is built from bad data is on time, and is `impact`'s business. It
    does when something was not run on account of it. A root that no alert names is not known to be late."""
    since: defaultdict[str, list[datetime]] = defaultdict(list)
    for member in incident.firing:
        is_late = member.nature is Nature.FRESHNESS or member.kind in (
            AlertKind.FRESHNESS,
            AlertKind.RUN_FAILED,
            AlertKind.NOT_MATERIALIZED,
        )
        if member.subject.asset is not None and (is_late or incident.not_run):
            since[member.subject.asset.key].append(member.first_fired_at)
    return {asset: LateSince(since=min(times)) for asset, times in since.items()}


def look_ahead(
    store: LooksBack,
    incidents: Iterable[Incident],
    *,
    catalog: Catalog,
    ticks: Ticks,
    previous: Mapping[int, Sequence[Mapping[str, Any]]],
    now: datetime,
    under_way: RunsUnderWay = nothing_under_way,
) -> dict[int, Outlook]:
    """Number → outlook, for each open incident of those given.

    The answers move with the clock alone: ask again every few minutes while an incident is open. Reads nothing
    when nothing below any of the incidents has a policy, and else costs by what lies between them and their
    soonest deadlines (`MOST_DEADLINES`, `MOST_ASSETS`).

    Args:
        catalog: lineage, and the freshness policies that make the deadlines.
        previous: number → the records returned last time, so that nothing is said twice.
        under_way: asked once, and only when there is something to forecast.
    """
    late = {incident.number: late_in(incident) for incident in incidents if incident.is_open}
    terms = {node.key: node.freshness for node in catalog.nodes if node.freshness is not None}
    below = {number: _below(catalog.graph, assets) & terms.keys() for number, assets in late.items()}
    found: dict[int, tuple[Expected, ...]] = {}
    if any(below.values()):
        with store.looking_back() as history:
            deadlines = _deadlines(history, set[str]().union(*below.values()), terms, ticks)
            soonest = {n: _soonest(catalog.graph, late[n], _only(deadlines, below[n]), now) for n in late}
            regions = {n: between(catalog.graph, late[n], soonest[n]) for n in late}
            records = _records(history, catalog, set[str]().union(*regions.values()))
        held_up = set[str]().union(*regions.values())
        builds = builds_of(under_way(held_up), catalog.graph) if held_up else {}
        for number, region in regions.items():
            found[number] = forecast(
                late[number],
                catalog.graph,
                [m for asset in _with_inputs(catalog, region) for m in records[asset]],
                soonest[number],
                now=now,
                builds=builds,
            )
    return {n: _outlook(found.get(n, ()), previous.get(n, ()), now=now) for n in late}


def harm_ahead(
    history: Builds, assets: Collection[str], *, catalog: Catalog, ticks: Ticks, now: datetime
) -> Harm | None:
    """When somebody next needs one of these assets, or what is made of them: the earliest deadline ahead of the
    freshness policies at and below them. A cron's next tick counts whether the asset was built for it or not: its
    data may be there in time, and bad."""
    below = {key: node.freshness for key in _below(catalog.graph, assets) if (node := catalog.node(key))}
    crons = {key: terms for key, terms in below.items() if isinstance(terms, CronWindow)}
    windows = {key: terms for key, terms in below.items() if isinstance(terms, TimeWindow)}
    at_tick = {
        (terms.deadline_cron, terms.timezone): next(ticks(terms.deadline_cron, terms.timezone, now), None)
        for terms in crons.values()
    }
    found = {key: at_tick[terms.deadline_cron, terms.timezone] for key, terms in crons.items()}
    found |= _deadlines(history, windows, windows, ticks)
    harms = [Harm(asset=key, at=at) for key, at in sorted(found.items()) if at is not None and at > now]
    return min(harms, key=lambda harm: harm.at, default=None)


def last_built(history: Builds, assets: Collection[str]) -> dict[str, datetime]:
    """Asset → when it was last materialized; without those that never were."""
    built_at: dict[str, datetime] = {}
    for record in history.latest_of(assets, limit=RECENT) if assets else ():
        if record.kind is RecordKind.MATERIALIZATION:
            built_at[record.asset] = max(record.at, built_at.get(record.asset, record.at))
    return built_at


def _below(graph: AssetGraph, late: Iterable[str]) -> set[str]:
    return {key for each in late for key in (each, *graph.descendants(each))}


def _deadlines(
    history: Builds, assets: Collection[str], terms: Mapping[str, FreshnessTerms], ticks: Ticks
) -> dict[str, datetime]:
    return next_deadlines({asset: terms[asset] for asset in assets}, last_built(history, assets), ticks=ticks)


def _only(deadlines: Mapping[str, datetime], assets: Collection[str]) -> dict[str, datetime]:
    return {asset: deadlines[asset] for asset in assets if asset in deadlines}


def _soonest(
    graph: AssetGraph, late: Collection[str], deadlines: Mapping[str, datetime], now: datetime
) -> dict[str, datetime]:
    """Those ahead first, then those that have passed; one at least, and as many as the bounds allow."""
    in_order = sorted(deadlines, key=lambda asset: (deadlines[asset] <= now, deadlines[asset], asset))
    below = _below(graph, late)
    chosen: dict[str, datetime] = {}
    region: set[str] = set()
    for asset in in_order[:MOST_DEADLINES]:
        region |= below & {asset, *graph.ancestors(asset)}
        if chosen and len(region) > MOST_ASSETS:
            break
        chosen[asset] = deadlines[asset]
    return chosen


def _records(
    history: Builds, catalog: Catalog, region: Collection[str]
) -> defaultdict[str, list[Materialization]]:
    of_asset: defaultdict[str, list[Materialization]] = defaultdict(list)
    if region:
        for record in history.latest_of(_with_inputs(catalog, region), limit=NEWEST):
            of_asset[record.asset].append(record)
    return of_asset


def _with_inputs(catalog: Catalog, region: Iterable[str]) -> set[str]:
    return {asset for key in region for asset in (key, *catalog.graph.parents(key))}


def _outlook(expected: Sequence[Expected], previous: Sequence[Mapping[str, Any]], *, now: datetime) -> Outlook:
    raised = {(r["asset"], r["deadline"]): r["raised_at"] for r in previous if r.get("raised_at")}
    records: list[Record] = []
    news: list[str] = []
    for each in expected:
        raised_at = raised.get((each.asset, _text(each.deadline)))
        if each.verdict is Verdict.WILL_MISS and raised_at is None:
            news.append(_sentence(each, now))
            raised_at = _text(now)
        elif each.verdict in _IN_TIME and raised_at is not None:
            news.append(_taken_back(each, now))
            raised_at = None
        records.append(_record(each, raised_at))
    records += _let_go(previous, {each.asset for each in expected}, now)
    return Outlook(records=tuple(records), news=tuple(news), next_harm=next_harm(expected))


_IN_TIME = (Verdict.WILL_MAKE, Verdict.MAY_MISS)


def _let_go(previous: Iterable[Mapping[str, Any]], known: Collection[str], now: datetime) -> list[Record]:
    """What was raised and is no longer held up, until its deadline: else it would be raised anew if it is."""
    return [
        {**record, "eta": None, "eta_high": None, "verdict": str(Verdict.WILL_MAKE), "basis": "held up no longer"}
        for record in previous
        if record.get("raised_at")
        and record["asset"] not in known
        and datetime.fromisoformat(record["deadline"]) > now
    ]


def _sentence(expected: Expected, now: datetime) -> str:
    """Deadlines in whole minutes are rounded down, arrivals up: the one is later than the other as told, too."""
    deadline = clock_text(expected.deadline, now)
    eta = clock_text(expected.eta + timedelta(seconds=59, microseconds=999_999), now)
    return f"{expected.asset} will miss its deadline {deadline}: expected {eta} at the earliest ({expected.basis})"


def _taken_back(expected: Expected, now: datetime) -> str:
    """All three in whole minutes rounded down, so that what is earlier is so as told, too."""
    eta, deadline = clock_text(expected.eta, now), clock_text(expected.deadline, now)
    if_unlucky = f"; with bad luck {clock_text(expected.eta_high, now)}"
    unlucky = if_unlucky if expected.verdict is Verdict.MAY_MISS else ""
    return (
        f"{expected.asset} is expected {eta} after all, before its deadline {deadline}{unlucky} ({expected.basis})"
    )


def _record(expected: Expected, raised_at: str | None) -> Record:
    return {
        "asset": expected.asset,
        "deadline": _text(expected.deadline),
        "eta": _text(expected.eta),
        "eta_high": _text(expected.eta_high),
        "verdict": str(expected.verdict),
        "path": list(expected.path),
        "basis": expected.basis,
        "raised_at": raised_at,
    }


def _text(at: datetime) -> str:
    """To the second, rounded up: an arrival is never said to be earlier than it is."""
    whole = at.replace(microsecond=0)
    return utc_text(whole if whole == at else whole + timedelta(seconds=1)) or ""
