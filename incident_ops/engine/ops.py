"""One pass of everything, in the order in which it must happen. The sensors and `incident-ops tick` call this
and nothing else."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from incident_ops.core.alert import Alert
from incident_ops.core.catalog import Catalog
from incident_ops.core.catalog.merge import over, with_last_known, with_observed
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.forecast.deadlines import Ticks
from incident_ops.core.forecast.under_way import RunsUnderWay, nothing_under_way
from incident_ops.engine.assess import assess, mark_for_consumers, mark_for_forecast
from incident_ops.engine.dispatch import Dispatched, Sinks, dispatch
from incident_ops.engine.keep_alive import keep_alive
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.lessons import hand_on
from incident_ops.engine.policy import Policy
from incident_ops.engine.ports import Board, EventSource, Page, Store, Workspace
from incident_ops.engine.strangers import look_for_strangers, meet, with_strangers
from incident_ops.engine.timers import attend_due, hand_over, send_digests
from incident_ops.engine.triage import enrich, settle_recovered, triage
from incident_ops.engine.triaged import Triaged
from incident_ops.engine.watch import BEHIND, BOARD, beat, is_due, judge, tell

TAIL = "dagster"
HISTORY, METRICS, WHOLE = "history", "metrics", "whole"
PAGE = 500
CATALOG_MAX_AGE = timedelta(minutes=5)
CATALOG_RETRY = timedelta(minutes=1)
FIRST_CATALOG_RETRY = timedelta(seconds=10)
"""The webserver comes up later than the daemon; until it answers, everybody is a stranger."""
STRANGER_MAX_AGE = timedelta(seconds=30)
SPARE_RETRY = timedelta(hours=1)
FORECAST_EVERY = timedelta(minutes=5)
SWEEP_EVERY = timedelta(minutes=3)
WATCH_EVERY = timedelta(minutes=1)
DETECTION = "detection"
NOTIFICATION = "notification"
BOARD_BATCH = 200
KEEP_ON_BOARD = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ops:
    """Everything a pass needs, wired up.

    Attributes:
        own_location: the assets of the code location that we run in, known without a webserver.
        spare_workspace: a slow way to the catalog without a webserver; None where nobody may wait for it.
        config_trouble: why the configuration cannot be used (the last good one is in force), or empty.
    """

    store: Store
    source: EventSource
    workspace: Workspace
    board: Board
    policy: Policy
    sinks: Sinks
    own_location: Callable[[], Catalog] = Catalog
    spare_workspace: Workspace | None = None
    ticks: Ticks
    under_way: RunsUnderWay = nothing_under_way
    config_trouble: str = ""


@dataclass(slots=True, kw_only=True)
class Report:
    """What a pass did; printed by `incident-ops tick`."""

    triaged: Triaged = field(default_factory=Triaged)
    dispatched: Dispatched = field(default_factory=Dispatched)

    def as_record(self) -> Mapping[str, object]:
        return {
            "alerts": self.triaged.alerts,
            "opened": list(self.triaged.opened),
            "updated": list(self.triaged.updated),
            "resolved": list(self.triaged.resolved),
            "delivered": self.dispatched.delivered,
            "pending": self.dispatched.pending,
        }


def tick(
    ops: Ops, *, now: datetime, may_go_on: Callable[[], bool], may_deliver: Callable[[], bool] | None = None
) -> Report:
    """One pass of everything that the sensors do, in the foreground."""
    with ops.store.connected():
        may_deliver = may_deliver or may_go_on
        triaged = detect(ops, now=now, may_go_on=may_go_on, in_foreground=True)
        dispatched = deliver(ops, now=now, may_go_on=may_deliver)
        own = _watch(ops, now=now, loops_of_others=())
        if own != Triaged():
            dispatched += deliver(ops, now=now, may_go_on=may_deliver)
        show(ops, now=now)
        return Report(triaged=triaged + own, dispatched=dispatched)


def detection_pass(ops: Ops, *, now: datetime, may_go_on: Callable[[], bool]) -> Triaged:
    """What the detection sensor does; it keeps an eye on the notification loop."""
    with ops.store.connected():
        triaged = detect(ops, now=now, may_go_on=may_go_on)
        if is_due(ops.store, "detection's watch", every=WATCH_EVERY, now=now):
            triaged += _watch(ops, now=now, loops_of_others=(NOTIFICATION,))
            beat(ops.store, "detection's watch", now=now)
        show(ops, now=now)
        return triaged


def notification_pass(ops: Ops, *, now: datetime, may_go_on: Callable[[], bool]) -> Dispatched:
    """What the notification sensor does; it keeps an eye on the detection loop."""
    with ops.store.connected():
        dispatched = deliver(ops, now=now, may_go_on=may_go_on)
        if is_due(ops.store, "notification's watch", every=WATCH_EVERY, now=now):
            _watch(ops, now=now, loops_of_others=(DETECTION,))
            beat(ops.store, "notification's watch", now=now)
        return dispatched


def detect(ops: Ops, *, now: datetime, may_go_on: Callable[[], bool], in_foreground: bool = False) -> Triaged:
    """Read the event log to its end, and now and then (`in_foreground`: at once) renew the catalog and compare
    with what the instance says."""
    knowledge = know(ops, now=now, in_foreground=in_foreground)
    triaged = enrich(ops.store, knowledge, now=now)
    _catch_up_on_history(ops, now=now, may_go_on=may_go_on)
    is_last = False
    while not is_last and may_go_on():
        cursor = ops.store.cursor(TAIL)
        page = ops.source.read(cursor, now=now, limit=PAGE)
        is_last = page.is_last
        if page.cursor != cursor:
            knowledge = _knowing(ops, knowledge, page, now=now)
            triaged += triage(
                ops.store,
                page.observations,
                knowledge,
                now=now,
                facts=page.facts,
                cursor=(TAIL, page.cursor),
            )
    _note_lag(ops, is_behind=not is_last, now=now)
    triaged += settle_recovered(ops.store, knowledge, now=now)
    if in_foreground or is_due(ops.store, "sweep", every=SWEEP_EVERY, now=now):
        triaged += sweep(ops, knowledge, now=now)
        beat(ops.store, "sweep", now=now)
    if in_foreground or is_due(ops.store, "forecast", every=FORECAST_EVERY, now=now):
        mark_for_forecast(ops.store, knowledge)
        mark_for_consumers(ops.store, knowledge, now=now)
        beat(ops.store, "forecast", now=now)
    triaged += assess(ops.store, knowledge, now=now, may_go_on=may_go_on)
    triaged += attend_due(ops.store, knowledge, now=now, may_go_on=may_go_on)
    _read_again_for(METRICS, ops, now=now, may_go_on=may_go_on)
    beat(ops.store, DETECTION, now=now)
    return triaged


def _catch_up_on_history(ops: Ops, *, now: datetime, may_go_on: Callable[[], bool]) -> None:
    """An installation that read its log before it kept what was built from what, or what was measured, reads it
    once more for that: for the one before anything is triaged, for the other (`METRICS`) when all else is done."""
    if ops.store.value(METRICS) is None and ops.store.cursor(TAIL) is None:  # a new one: the tail brings it all
        for mark in (HISTORY, METRICS):
            ops.store.set_value(mark, WHOLE, now=now)
    _read_again_for(HISTORY, ops, now=now, may_go_on=may_go_on)


def _read_again_for(mark: str, ops: Ops, *, now: datetime, may_go_on: Callable[[], bool]) -> None:
    is_whole = ops.store.value(mark) == WHOLE
    while not is_whole and may_go_on():
        page = ops.source.read(ops.store.cursor(mark), now=now, limit=PAGE)
        with ops.store.transaction() as tx:
            tx.add_facts(page.facts)
            tx.save_cursor(mark, page.cursor, now=now)
            if page.is_last and mark == HISTORY:
                tx.mark_unassessed({place.number for place in tx.open_places()})
        is_whole = page.is_last
        if is_whole:
            ops.store.set_value(mark, WHOLE, now=now)


def deliver(ops: Ops, *, now: datetime, may_go_on: Callable[[], bool]) -> Dispatched:
    """Owe what has come due by the clock, and deliver what is owed."""
    knowledge = _founded_on(_complete(ops, ops.store.catalog()), ops, now=now)  # no webserver delays a delivery
    attend_due(ops.store, knowledge, now=now, may_go_on=may_go_on)
    send_digests(ops.store, knowledge, now=now)
    hand_over(ops.store, knowledge, now=now)
    done = dispatch(ops.store, ops.sinks, now=now, may_go_on=may_go_on)
    done += Dispatched(pending=done.pending, problems=keep_alive(ops.store, ops.sinks, now=now))
    beat(ops.store, NOTIFICATION, now=now)
    return done


def take_run(ops: Ops, run_id: str, *, now: datetime) -> Triaged:
    """Triage one run that just failed, without waiting for the tail to reach it; the detection pass assesses."""
    return triage(ops.store, ops.source.of_run(run_id, now=now), know(ops, now=now), now=now)


def know(ops: Ops, *, now: datetime, in_foreground: bool = False) -> Knowledge:
    """The catalog, fresh if it can be had and as last known if not, and the rules."""
    retry = timedelta(0) if in_foreground else CATALOG_RETRY
    return _founded_on(refreshed_catalog(ops, now=now, retry=retry), ops, now=now)


def _founded_on(catalog: Catalog, ops: Ops, *, now: datetime) -> Knowledge:
    return Knowledge(
        catalog=catalog,
        policy=ops.policy,
        installed_at=_installed_at(ops, now=now),
        ticks=ops.ticks,
        under_way=ops.under_way,
        silences=tuple(ops.store.silences(since=now)),
        firing=dict(ops.store.firing_labels()) if ops.policy.attention.inhibit else {},
    )


def refreshed_catalog(
    ops: Ops,
    *,
    now: datetime,
    max_age: timedelta = CATALOG_MAX_AGE,
    retry: timedelta = CATALOG_RETRY,
    at_any_cost: bool = False,
) -> Catalog:
    """The stored catalog, renewed when it is older than `max_age`, with our own location beneath it. Detection
    goes on without it, and with what was last known of a code location that does not load.

    Args:
        retry: how long to leave the webserver alone after an attempt; shorter while nothing is known.
        at_any_cost: without a webserver load the code locations ourselves, also when an older catalog is known.
    """
    catalog = ops.store.catalog()
    age = catalog.age(now)
    if age is None:
        retry = min(retry, FIRST_CATALOG_RETRY)
    is_fresh = age is not None and timedelta(0) <= age < max_age
    if is_fresh or not is_due(ops.store, "catalog attempt", every=retry, now=now):
        return _complete(ops, catalog)
    beat(ops.store, "catalog attempt", now=now)
    try:
        renewed = _read_again(ops, catalog, now=now, at_any_cost=at_any_cost)
    except SourceUnavailable as error:
        _remember(ops.store, "catalog trouble", str(error), now=now)
        look_for_strangers(ops.store, catalog, now=now)
        return _complete(ops, catalog)
    _remember(ops.store, "catalog trouble", "", now=now)
    _remember(ops.store, "catalog source", renewed.source, now=now)
    observed = look_for_strangers(ops.store, renewed, now=now)
    ops.store.save_catalog(with_observed(renewed, observed))
    return _complete(ops, ops.store.catalog())


def _complete(ops: Ops, catalog: Catalog) -> Catalog:
    """With our own location, and the assets that only events tell of, beneath it."""
    return with_strangers(over(catalog, ops.own_location()), ops.store)


def _read_again(ops: Ops, known: Catalog, *, now: datetime, at_any_cost: bool) -> Catalog:
    """From the webserver; without it, where nothing is known yet or somebody waits for it, from the workspace
    file. A file that does not help is left alone for an hour."""
    try:
        return _read_from(ops.workspace, known, now=now)
    except SourceUnavailable as error:
        spare = ops.spare_workspace
        is_needed = at_any_cost or (
            known.fetched_at is None and is_due(ops.store, "workspace file attempt", every=SPARE_RETRY, now=now)
        )
        if spare is None or not is_needed:
            raise
        beat(ops.store, "workspace file attempt", now=now)
        try:
            return _read_from(spare, known, now=now)
        except SourceUnavailable as another:
            raise SourceUnavailable(f"{error} {another}") from another


def _read_from(workspace: Workspace, known: Catalog, *, now: datetime) -> Catalog:
    fetched = workspace.fetch(now=now, known=known)
    return with_last_known(fetched, known, workspace.load_errors().keys())


def _remember(store: Store, name: str, value: str, *, now: datetime) -> None:
    if store.value(name) != value:
        store.set_value(name, value, now=now)


def _knowing(ops: Ops, knowledge: Knowledge, page: Page, *, now: datetime) -> Knowledge:
    """An alert of an asset that the catalog does not know is a reason to renew it before anybody is told. What no
    code location names is known from the page's own events, pointers included."""
    alerts = {o.asset.key for o in page.observations if isinstance(o, Alert) and o.asset is not None}
    declares = knowledge.catalog.declares
    met = {m.asset: tuple(m.inputs) for m in page.facts.materializations if not declares(m.asset)}
    if any(not declares(asset) for asset in alerts):
        catalog = refreshed_catalog(ops, now=now, max_age=STRANGER_MAX_AGE)
        knowledge = replace(knowledge, catalog=catalog)
        met.update({asset: () for asset in alerts if catalog.node(asset) is None and asset not in met})
    if not met:
        return knowledge
    return replace(knowledge, catalog=meet(ops.store, knowledge.catalog, met, now=now))


def _note_lag(ops: Ops, *, is_behind: bool, now: datetime) -> None:
    since = ops.store.value(BEHIND) or ""
    if is_behind and not since:
        ops.store.set_value(BEHIND, now.isoformat(), now=now)
    elif since and not is_behind:
        ops.store.set_value(BEHIND, "", now=now)


def sweep(ops: Ops, knowledge: Knowledge, *, now: datetime) -> Triaged:
    """Find what the tail and the run-failure sensor missed."""
    failed = ops.source.failed_runs(now=now)
    known = ops.store.runs_with_alerts(failed)
    observations = list(ops.source.recent_evaluations(now=now, known=ops.store.known_events))
    for run_id in failed:
        if run_id not in known:
            observations.extend(ops.source.of_run(run_id, now=now))
    return triage(ops.store, observations, knowledge, now=now)


def _watch(ops: Ops, *, now: datetime, loops_of_others: Collection[str]) -> Triaged:
    conditions = judge(
        ops.store,
        ops.workspace,
        config_trouble=ops.config_trouble,
        loops_of_others=loops_of_others,
        now=now,
    )
    return tell(ops.store, conditions, know(ops, now=now), now=now)


def show(ops: Ops, *, now: datetime) -> None:
    """Bring the Dagster UI up to date: one dynamic partition per open or recent incident."""
    troubles = hand_on(ops.store, ops.board, now=now)
    changed = ops.store.unpublished(limit=BOARD_BATCH)
    if changed:
        troubles += ops.board.show(changed)
        ops.store.mark_published(changed)
    if troubles or (changed and ops.store.value(BOARD)):
        ops.store.set_value(BOARD, "; ".join(troubles[:3]), now=now)
    old = ops.store.to_retire(resolved_before=now - KEEP_ON_BOARD, limit=BOARD_BATCH)
    if old:
        ops.board.retire(old)
        ops.store.mark_retired(old)


def _installed_at(ops: Ops, *, now: datetime) -> datetime:
    known = ops.store.value("installed at")
    if known is not None:
        return datetime.fromisoformat(known)
    ops.store.set_value("installed at", now.isoformat(), now=now)
    return now
