"""What a changed configuration would have pushed: the replay against what really was pushed, and against what the
change is for.
"""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incident_ops.adapters.dagster_deadlines import cron_ticks
from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.store.simulated import SimulatedStore
from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, Observation
from incident_ops.core.attention import AttentionRules
from incident_ops.core.budget import Budget
from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.forecast.deadlines import CronWindow
from incident_ops.core.hours import Hours
from incident_ops.core.incident import Incident
from incident_ops.core.matching import parse_matcher
from incident_ops.core.muting import InhibitRule, Maintenance
from incident_ops.core.routing import RouteNode, RoutingRules
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution
from incident_ops.core.teams import Person, Team
from incident_ops.engine.assess import assess, mark_for_forecast
from incident_ops.engine.dispatch import Sinks, dispatch
from incident_ops.engine.happenings import happenings
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.simulation import Simulated, reason_of, record_of, simulate
from incident_ops.engine.snooze import snooze
from incident_ops.engine.timers import attend_due, hand_over, send_digests
from incident_ops.engine.triage import change, settle_recovered, triage
from incident_ops_tests.builders import make_alert, make_recovery
from incident_ops_tests.engine.fakes import FakeSink, sinks

BEGAN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)  # a Monday, 09:00 in Berlin
STEP = timedelta(minutes=15)
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(zone=BERLIN, days=frozenset(range(5)), begins=time(9), ends=time(18))
"""Of everything that waits the times are multiples of a step, so that the live passes meet them."""

FIN = Team(
    name="fin",
    channel="#fin",
    engineer="erin@acme.test",
    lead="lea@acme.test",
    zone=BERLIN,
    working_hours=OFFICE,
    escalation_policy="standard",
)
PEOPLE = {"erin@acme.test": Person(email="erin@acme.test", slack="U0ERIN")}
STANDARD = EscalationPolicy(
    name="standard",
    steps=(
        EscalationStep(targets=("erin@acme.test",), wait=timedelta(minutes=15)),
        EscalationStep(targets=("lea@acme.test",), wait=timedelta(minutes=30)),
    ),
    repeat=1,
    acknowledge_timeout=timedelta(hours=2),
)

DUE = CronWindow(deadline_cron="0 7 * * *", lower_bound_delta=timedelta(hours=1), timezone="UTC")
SHOP = Catalog(
    [
        AssetNode(key="gold", owners=("team:fin",), tags={TIER_TAG: "gold"}),
        AssetNode(key="early", owners=("team:fin",), tags={TIER_TAG: "bronze"}, freshness=DUE),
        AssetNode(key="late", owners=("team:fin",), tags={TIER_TAG: "bronze"}),
        AssetNode(key="web", owners=("team:web",)),
        AssetNode(key="web_dash", owners=("team:web",), upstream=("web",)),
        AssetNode(key="nobodys"),
        *(AssetNode(key=f"mart_{n}", owners=("team:fin",)) for n in range(6)),
    ],
    fetched_at=BEGAN,
)


def a_policy(
    *,
    repeat: timedelta = timedelta(hours=4),
    budget: int = 5,
    hours: Hours | None = OFFICE,
    group_by: tuple[str, ...] = ("root",),
    escalates: bool = False,
    attention: AttentionRules | None = None,
    version: str = "",
    resolve_after: timedelta = timedelta(0),
) -> Policy:
    tree = RouteNode(
        path="route",
        receiver="owner",
        group_by=group_by,
        group_wait=timedelta(0),
        group_interval=STEP,
        repeat_interval=repeat,
    )
    fin = Team(
        name="fin",
        channel="#fin",
        engineer=FIN.engineer,
        lead=FIN.lead,
        zone=BERLIN,
        working_hours=hours,
        escalation_policy="standard" if escalates else None,
    )
    rules = attention or AttentionRules(
        budget=Budget(pushes=budget),
        policies={"standard": STANDARD},
        reminders={Severity.SEV1: timedelta(hours=1)},
    )
    return Policy(
        version=version,
        routing=RoutingRules(sink="slack", default_channel="#data", teams={"fin": fin}, people=PEOPLE, tree=tree),
        attention=rules,
        resolve_after=resolve_after,
    )


class Live:
    """The real path on a real store, a pass every quarter of an hour, in which something may happen."""

    def __init__(self, store: SqlStore, policy: Policy) -> None:
        self.store, self.now = store, BEGAN
        self.knowledge = Knowledge(catalog=SHOP, policy=policy, installed_at=BEGAN, ticks=cron_ticks)
        self.sinks: Sinks = sinks(FakeSink())

    def observes(self, *observations: Observation) -> None:
        self._know()
        triage(self.store, observations, self.knowledge, now=self.now)

    def changes(self, number: int, verb: Callable[[Incident], Incident]) -> None:
        self._know()
        change(self.store, number, verb, self.knowledge, now=self.now)

    def fails(self, asset: str, *, check: str = "not_null", **anything: Any) -> Alert:
        alert = make_alert(asset, self.now, check=check, **anything)
        self.observes(alert)
        return alert

    def passes(self) -> None:
        self._know()
        store, knowledge, now = self.store, self.knowledge, self.now
        settle_recovered(store, knowledge, now=now)
        mark_for_forecast(store, knowledge)
        assess(store, knowledge, now=now, may_go_on=lambda: True)
        attend_due(store, knowledge, now=now, may_go_on=lambda: True)
        send_digests(store, knowledge, now=now)
        hand_over(store, knowledge, now=now)
        dispatch(store, self.sinks, now=now, may_go_on=lambda: True)

    def _know(self) -> None:
        firing = dict(self.store.firing_labels()) if self.knowledge.policy.attention.inhibit else {}
        silences = tuple(self.store.silences(since=self.now))
        self.knowledge = replace(self.knowledge, firing=firing, silences=silences)

    def pushes(self) -> list[tuple[str, datetime]]:
        """(address, when it was accepted) of all that rang."""
        found = [d for i in self.store.incidents() for d in self.store.deliveries(i.number) if d.pushes]
        return sorted((d.destination.address, d.accepted_at) for d in found if d.accepted_at is not None)


@pytest.fixture
def live(store: SqlStore) -> Live:
    return Live(store, a_policy())


def tried(store: SqlStore, policy: Policy, *, until: datetime) -> Simulated:
    knowledge = Knowledge(
        catalog=SHOP,
        policy=policy,
        installed_at=BEGAN,
        ticks=cron_ticks,
        silences=tuple(store.silences(since=BEGAN)),
    )
    with SimulatedStore() as trial:
        return simulate(trial, happenings(store.recorded(since=BEGAN)), knowledge, until=until)


def rang(done: Simulated) -> list[tuple[str, datetime]]:
    """With a person's id, as the sink knows it."""
    ids = {person.email: person.slack or person.email for person in PEOPLE.values()}
    return sorted((ids.get(push.recipient, push.recipient), push.at) for push in done.pushes)


def count(done: Simulated, recipient: str = "#fin") -> int:
    return sum(push.recipient == recipient for push in done.pushes)


# ---- against what really was pushed


INHIBITING = AttentionRules(
    inhibit=(
        InhibitRule(
            sources=(parse_matcher('asset = "gold"'),),
            targets=(parse_matcher('asset = "late"'),),
        ),
    ),
    maintenance=(
        Maintenance(
            matchers=(parse_matcher('asset = "web"'),),
            begins=BEGAN + timedelta(hours=3),
            ends=BEGAN + timedelta(hours=9),
        ),
    ),
    budget=Budget(pushes=3),
)


@pytest.mark.parametrize(
    ("seed", "policy"),
    [
        (1, a_policy()),
        (2, a_policy(escalates=True, hours=None, budget=50)),
        (3, a_policy(attention=INHIBITING, resolve_after=timedelta(minutes=30))),
        (4, a_policy(group_by=("owner",), budget=2, repeat=timedelta(hours=1))),
    ],
    ids=["as by default", "escalates", "quiets", "grouped"],
)
def test_the_same_configuration_pushes_whom_the_live_path_pushed_at_the_same_times(
    store: SqlStore, policy: Policy, seed: int
) -> None:
    live, chance = Live(store, policy), random.Random(seed)
    firing: dict[tuple[str, str], Alert] = {}
    until = BEGAN + timedelta(hours=18)
    while live.now < until:
        if chance.random() < 0.4:
            _something_happens(live, chance, firing)
        live.passes()
        live.now += STEP
    done = tried(store, policy, until=live.now)
    assert rang(done) == live.pushes()
    assert len(done.pushes) > 1, "or nothing was compared"
    assert done.incidents == len([i for i in store.incidents() if i.merged_into is None])


def _something_happens(live: Live, chance: random.Random, firing: dict[tuple[str, str], Alert]) -> None:
    place = (chance.choice(["gold", "early", "late", "web", "nobodys"]), "x")
    incidents = [i for i in live.store.incidents() if i.is_open]
    match chance.choice(["fails", "fails", "fails", "heals", "heals", "person"]):
        case "fails":
            severity = chance.choice([CheckSeverity.ERROR, CheckSeverity.ERROR, CheckSeverity.WARN])
            firing[place] = live.fails(place[0], check=place[1], check_severity=severity)
        case "heals" if firing:
            healed = firing.pop(chance.choice(sorted(firing)))
            if healed.occurred_at < live.now:
                live.observes(make_recovery(healed, live.now))
        case "person" if incidents:
            _somebody_acts(live, chance.choice(incidents), chance)
        case _:
            pass


def _somebody_acts(live: Live, incident: Incident, chance: random.Random) -> None:
    by, at = "erin@acme.test", live.now
    match chance.choice(["ack", "resolve", "grade", "snooze", "assign"]):
        case "ack" if incident.acknowledged_at is None:
            live.changes(incident.number, lambda i: i.acknowledged(by=by, at=at))
        case "resolve":
            live.changes(incident.number, lambda i: i.resolved(by=by, at=at, reason=Resolution.FALSE_POSITIVE))
        case "grade":
            live.changes(incident.number, lambda i: i.graded(Severity.SEV1, by=by, at=at))
        case "snooze":
            snooze(live.store, incident.number, live.knowledge, until=at + timedelta(hours=3), by=by, now=at)
        case _:
            live.changes(incident.number, lambda i: i.assigned("lea@acme.test", by=by, at=at))


# ---- what a change is for


def test_a_storm_is_pushed_less_often_with_a_longer_repeat_interval(live: Live) -> None:
    for _ in range(24):
        live.fails("web", kind=AlertKind.RUN_FAILED)
        live.now += timedelta(hours=1)
    every_4_h, every_12_h = (
        tried(live.store, a_policy(repeat=timedelta(hours=hours)), until=live.now) for hours in (4, 12)
    )
    assert (count(every_4_h, "#web"), count(every_12_h, "#web")) == (5, 2)
    assert every_4_h.suppressed == {"over_budget": 1}


def test_a_smaller_budget_turns_pushes_into_lines_of_the_digest(live: Live) -> None:
    for n in range(6):
        live.fails(f"mart_{n}")
        live.now += timedelta(minutes=70)  # further apart than what is grouped
    five, two = (
        tried(live.store, a_policy(budget=budget, repeat=timedelta(days=2)), until=live.now) for budget in (5, 2)
    )
    assert (count(five), count(two)) == (5, 2)
    assert (five.suppressed["over_budget"], two.suppressed["over_budget"]) == (1, 4)


def test_working_hours_keep_the_night_quiet_and_a_deadline_in_the_morning_does_not(live: Live) -> None:
    live.now = BEGAN + timedelta(hours=18)  # 03:00 in Berlin
    live.fails("late")
    live.fails("early")
    until = BEGAN + timedelta(hours=26)
    always, office = (
        tried(live.store, a_policy(hours=hours, repeat=timedelta(days=2)), until=until) for hours in (None, OFFICE)
    )
    assert [f"{push.at:%H:%M}" for push in always.pushes] == ["02:00", "02:00"]
    assert [f"{push.at:%H:%M}" for push in office.pushes] == ["02:00", "08:00"]
    assert office.suppressed == {"held": 1}


def test_a_push_in_the_night_counts_for_the_local_day_of_the_recipients_team(live: Live) -> None:
    live.now = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)  # 00:30 on Tuesday in Berlin
    live.fails("late")
    live.fails("web")
    policy = a_policy(hours=None)
    done = tried(live.store, policy, until=live.now + timedelta(minutes=5))
    days = {push.recipient: push.day.isoformat() for push in done.pushes}
    assert days == {"#fin": "2026-11-03", "#web": "2026-11-02"}


def test_a_page_is_counted_for_the_person_whom_the_sink_knows_by_an_id(live: Live) -> None:
    live.fails("gold")
    done = tried(live.store, a_policy(escalates=True, hours=None), until=BEGAN + timedelta(minutes=20))
    pages = [push.recipient for push in done.pushes if push.is_page]
    assert pages == ["erin@acme.test", "lea@acme.test"]


def test_a_silence_of_that_time_is_in_force_again(live: Live) -> None:
    live.store.add_silence(
        ['asset = "late"'],
        begins=BEGAN,
        ends=BEGAN + timedelta(hours=2),
        author="erin",
        comment="known",
        now=BEGAN,
    )
    live.fails("late")
    done = tried(live.store, a_policy(), until=BEGAN + timedelta(hours=3))
    assert [push.at for push in done.pushes] == [BEGAN + timedelta(hours=2)]
    assert done.suppressed == {"silenced": 1}


def test_nothing_of_it_is_written_to_the_store_that_was_recorded(live: Live) -> None:
    live.fails("gold")
    live.passes()
    before = [(i, live.store.timeline(i.number), live.store.deliveries(i.number)) for i in live.store.incidents()]
    tried(live.store, a_policy(budget=0, version="another"), until=BEGAN + timedelta(days=5))
    after = [(i, live.store.timeline(i.number), live.store.deliveries(i.number)) for i in live.store.incidents()]
    assert after == before


def test_the_record_gives_each_recipient_a_count_for_every_day_before_and_after(live: Live) -> None:
    for _ in range(3):
        live.fails("web")
        live.now += timedelta(hours=12)
    recorded = happenings(live.store.recorded(since=BEGAN))
    before, after = (tried(live.store, a_policy(budget=budget), until=live.now) for budget in (5, 0))
    record = record_of(recorded, before, after, since=BEGAN, until=live.now)
    [web] = record["recipients"]
    assert [day["day"] for day in web["days"]] == ["2026-11-02", "2026-11-03"]
    assert web["before"] == sum(day["before"] for day in web["days"]) == record["before"]["pushes"] > 0
    assert web["after"] == record["after"]["pushes"] == 0
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nobody is pushed: silenced by erin until 2026-11-02 09:00 UTC (silence 1)", "silenced"),
        ("#fin is not pushed: over budget: #fin had its 5 pushes within 1 d", "over_budget"),
        ("nobody is pushed: it was over before anybody was told", "over_already"),
        ("nobody is pushed: its route leads to no place that can be written to", "otherwise"),
    ],
)
def test_a_sentence_of_the_timeline_is_counted_under_its_quiet(text: str, reason: str) -> None:
    assert reason_of(text) == reason
