"""The eye on ourselves: what is judged, what is told, and that it is told once."""

from datetime import timedelta
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import Catalog
from incident_ops.core.matching import parse_matcher
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination, RoutingRules
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import Status
from incident_ops.engine.dispatch import Sinks
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy, SeverityRule
from incident_ops.engine.triaged import Triaged
from incident_ops.engine.watch import BEHIND, beat, is_due, judge, last_beat, tell
from incident_ops_tests.builders import T0, minutes
from incident_ops_tests.engine.fakes import FakeSink, FakeWorkspace, sinks
from incident_ops_tests.engine.outbox import FIN, REFUSED, deliver, open_incident, owe

KNOWLEDGE = Knowledge(
    catalog=Catalog(),
    policy=Policy(routing=RoutingRules(sink="slack", default_channel="#data")),
    installed_at=T0,
)


def troubles(
    store: SqlStore, workspace: FakeWorkspace | None = None, *, at: float = 0, **asked: Any
) -> dict[str, str]:
    values: dict[str, Any] = {"config_trouble": "", "loops_of_others": ()}
    conditions = judge(store, workspace or FakeWorkspace(), now=minutes(at), **(values | asked))
    return {condition.name: condition.trouble for condition in conditions if condition.trouble}


def watch(
    store: SqlStore, workspace: FakeWorkspace | None = None, *, at: float, config_trouble: str = ""
) -> Triaged:
    conditions = judge(
        store, workspace or FakeWorkspace(), config_trouble=config_trouble, loops_of_others=(), now=minutes(at)
    )
    return tell(store, conditions, KNOWLEDGE, now=minutes(at))


def test_a_fresh_installation_has_no_trouble(store: SqlStore) -> None:
    assert troubles(store, loops_of_others=("detection", "notification")) == {}


def test_a_broken_configuration_is_a_trouble(store: SqlStore) -> None:
    assert troubles(store, config_trouble="line 2: no") == {"configuration": "line 2: no"}


def test_an_outbox_that_is_stuck_is_a_trouble(store: SqlStore) -> None:
    owe(store, open_incident(store), Action.POST)
    assert troubles(store, at=10) == {}
    assert troubles(store, at=11) == {"outbox": "a notification has been waiting for 11 min"}


def test_a_log_that_is_not_read_to_its_end_is_a_trouble(store: SqlStore) -> None:
    store.set_value(BEHIND, T0.isoformat(), now=T0)
    assert troubles(store, at=6) == {"event log lag": "reading the event log has been behind for 6 min"}
    store.set_value(BEHIND, "", now=T0)
    assert troubles(store, at=6) == {}


def test_a_loop_that_ran_once_and_stands_still_is_a_trouble(store: SqlStore) -> None:
    """A loop that never ran may be switched off on purpose."""
    beat(store, "detection", now=T0)
    assert list(troubles(store, at=6, loops_of_others=("detection", "notification"))) == ["detection loop"]
    beat(store, "detection", now=minutes(6))
    assert troubles(store, at=6, loops_of_others=("detection",)) == {}


def test_a_location_that_does_not_load_is_a_trouble_until_it_does(store: SqlStore) -> None:
    broken = FakeWorkspace(broken={"shop": "SyntaxError"})
    assert watch(store, broken, at=0).opened == ("INC-1",)
    assert store.incident(1).summary == ("code location shop does not load, nothing in it is checked: SyntaxError")
    assert watch(store, FakeWorkspace(away=True), at=1) == Triaged(), "who cannot be asked says nothing"
    assert store.incident(1).status is Status.TRIGGERED
    assert watch(store, FakeWorkspace(), at=2).resolved == ("INC-1",)


@pytest.mark.parametrize(
    ("seen", "now", "expected"),
    [
        ([True], False, True),
        ([None], False, False),
        ([False], False, False),
        ([True, None], None, False),
        ([True], True, False),
    ],
)
def test_a_daemon_is_missed_only_if_it_was_ever_there(
    store: SqlStore, seen: list[bool | None], now: bool | None, expected: bool
) -> None:
    """Without schedules nobody starts a scheduler daemon; that is no trouble."""
    for each in seen:
        troubles(store, FakeWorkspace(daemons={"SENSOR": each}))
    assert bool(troubles(store, FakeWorkspace(daemons={"SENSOR": now}))) is expected


def test_a_trouble_is_told_once_and_its_end_once(store: SqlStore) -> None:
    opened = watch(store, at=0, config_trouble="line 2: no")
    assert (opened.opened, store.incident(1).title) == (("INC-1",), "incident_ops: configuration")
    assert watch(store, at=1, config_trouble="line 2: no") == Triaged()
    assert watch(store, at=2, config_trouble="line 3: neither") == Triaged()
    assert watch(store, at=3).resolved == ("INC-1",)
    assert watch(store, at=4) == Triaged()
    assert watch(store, at=5, config_trouble="line 9: again").updated == ("INC-1",), "reopened"


def test_our_troubles_go_to_the_inbox_too(store: SqlStore) -> None:
    watch(store, at=0, config_trouble="line 2: no")
    assert [str(d.destination) for d in store.deliveries(1)] == ["slack:#data", "inbox:#data"]


def test_something_is_due_never_too_early_and_also_after_the_clock_went_back(store: SqlStore) -> None:
    every = timedelta(minutes=3)
    assert last_beat(store, "sweep") is None
    assert is_due(store, "sweep", every=every, now=T0)
    beat(store, "sweep", now=T0)
    due = [is_due(store, "sweep", every=every, now=minutes(at)) for at in (0, 2.9, 3, -1)]
    assert due == [False, False, True, True]


def test_the_configurations_own_grading_decides_first_match_first() -> None:
    rules = tuple(
        SeverityRule(matchers=(parse_matcher(text),), severity=severity, text=text)
        for text, severity in (('team = "fin"', Severity.SEV0), ('tier = "gold"', Severity.SEV3))
    )
    policy = Policy(routing=KNOWLEDGE.policy.routing, severity_rules=rules)
    ours = Assessment(severity=Severity.SEV2, reasons=("no tier",))
    both, gold = {"team": "fin", "tier": "gold"}, {"tier": "gold"}
    assert policy.graded(ours, both) == Assessment(severity=Severity.SEV0, reasons=('severity rule team = "fin"',))
    assert policy.graded(ours, gold).severity is Severity.SEV3
    assert policy.graded(ours, {}) is ours


# ---- dead letters


def everywhere(*troubles: Exception | None) -> Sinks:
    """Slack with these troubles in turn, and an inbox without any."""
    return sinks(FakeSink(*troubles), FakeSink(kind="inbox"))


def judged(store: SqlStore, *, at: float) -> dict[str, str]:
    """What is told of deliveries, by place."""
    conditions = judge(store, FakeWorkspace(), config_trouble="", loops_of_others=(), now=minutes(at))
    return {c.name: c.trouble for c in conditions if c.name.startswith("deliveries to ") and c.trouble}


def own_troubles(store: SqlStore) -> dict[str, Status]:
    return {i.title: i.status for i in store.incidents() if i.labels.get("source") == "incident_ops"}


def test_a_dead_reply_is_on_the_timeline_and_told_until_that_place_accepts_again(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    owe(store, number, Action.REPLY, "acknowledged")
    deliver(store, everywhere(None, REFUSED))
    said = "reply to slack:#fin was refused: channel_not_found"
    assert store.timeline(number)[-1].text == said
    assert watch(store, at=1).opened == ("INC-2",)
    assert (store.incident(2).title, store.incident(2).summary) == ("incident_ops: deliveries to slack:#fin", said)
    assert watch(store, at=2) == Triaged()
    owe(store, number, Action.EDIT, at=3)
    deliver(store, everywhere(), at=3)
    assert watch(store, at=3).resolved == ("INC-2",)
    assert (watch(store, at=4), store.circuits()) == (Triaged(), [])


def test_what_died_is_told_even_when_the_place_accepts_again_at_once(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    deliver(store, everywhere())
    owe(store, number, Action.REPLY, "acknowledged")
    owe(store, number, Action.EDIT)
    deliver(store, everywhere(REFUSED, None))
    assert watch(store, at=1).opened == ("INC-2",)
    assert watch(store, at=2).resolved == ("INC-2",)


def test_a_place_where_nothing_died_for_a_day_is_no_trouble_any_more(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    owe(store, number, Action.REPLY, "acknowledged")
    deliver(store, everywhere(None, REFUSED))
    assert watch(store, at=1).opened == ("INC-2",)
    deliver(store, everywhere(), at=1)
    assert watch(store, at=24 * 60 - 1) == Triaged()
    assert watch(store, at=24 * 60).resolved == ("INC-2",)
    assert store.circuits() == []


def test_what_went_elsewhere_instead_is_no_trouble_of_ours(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    deliver(store, everywhere(REFUSED))
    assert store.timeline(number)[-1].text.endswith("sent to slack:#data instead")
    assert watch(store, at=1) == Triaged()


def test_a_digest_that_nobody_takes_is_told_though_it_has_no_timeline(store: SqlStore) -> None:
    digest = Notice(key="d", number=None, destination=FIN, action=Action.TELL, text="Ten things")
    with store.transaction() as tx:
        tx.enqueue([digest], now=minutes(0))
    nowhere = {"#fin": REFUSED, "#data": REFUSED}
    deliver(store, sinks(FakeSink(down=nowhere), FakeSink(kind="inbox", down=nowhere)))
    assert watch(store, at=1).opened == ("INC-1",)


def test_a_dead_letter_of_the_fallback_itself_does_not_go_round_for_ever(store: SqlStore) -> None:
    """Neither Slack nor the inbox takes anything: what tells of it dies too, and that is the end of it."""
    owe(store, open_incident(store), Action.POST)
    nowhere = {"#fin": REFUSED, "#data": REFUSED}
    for at in range(0, 3 * 24 * 60, 60):
        where = sinks(FakeSink(down=nowhere), FakeSink(kind="inbox", down=nowhere))
        deliver(store, where, at=at)
        watch(store, at=at)
        deliver(store, where, at=at)
    assert len(store.incidents()) == 2, "the failure, and that nobody takes it"
    assert set(own_troubles(store).values()) == {Status.RESOLVED}
    assert store.unfinished() == 0


def test_a_hundred_dead_channels_are_not_a_hundred_incidents_of_our_own(store: SqlStore) -> None:
    for n in range(100):
        number, place = open_incident(store, f"a/{n}"), Destination(kind="slack", address=f"#{n}")
        owe(store, number, Action.POST, to=place)
        owe(store, number, Action.REPLY, "acknowledged", to=place)
    deliver(store, everywhere(*[None, REFUSED] * 100))
    assert len(judged(store, at=1)) == 10
    watch(store, at=1)
    assert (len(judged(store, at=2)), len(own_troubles(store))) == (10, 10)
