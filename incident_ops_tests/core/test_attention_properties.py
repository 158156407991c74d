"""What holds for every incident, whenever it is looked at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.attention import AttentionRules
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.flapping import FlappingRule
from incident_ops.core.hours import Hours
from incident_ops.core.muting import Maintenance, Silence
from incident_ops.core.routing import Way
from incident_ops.core.severity import Severity
from incident_ops.core.teams import Team
from incident_ops.core.urgency import Harm
from incident_ops_tests.builders import make_alert, make_incident, minutes
from incident_ops_tests.core.attending import FIN, WEB, Desk, way

BERLIN = ZoneInfo("Europe/Berlin")
END = 4 * 24 * 60
"""Minutes; from a Friday morning until Tuesday."""

waits = st.sampled_from([0, 0.5, 3, 60]).map(lambda n: timedelta(minutes=n))
answers = st.sampled_from([0.5, 5, 60]).map(lambda n: timedelta(minutes=n))
steps = st.builds(EscalationStep, targets=st.sampled_from([("erin",), ("lea", "otto")]), wait=answers)
policies = st.builds(
    EscalationPolicy,
    name=st.just("standard"),
    steps=st.lists(steps, min_size=1, max_size=3).map(tuple),
    repeat=st.integers(0, 2),
    acknowledge_timeout=st.sampled_from([None, timedelta(minutes=30)]),
)
teams = st.sampled_from(
    [
        None,
        Team(
            name="fin",
            channel="#fin",
            zone=BERLIN,
            working_hours=Hours(zone=BERLIN, days=frozenset(range(5)), begins=time(9), ends=time(18)),
        ),
    ]
)
INTERVALS = {
    "nights": (Hours(zone=BERLIN, begins=time(20), ends=time(8)),),
    "office": (Hours(zone=BERLIN, days=frozenset({0, 1, 2, 3, 4}), begins=time(9), ends=time(18)),),
}


@st.composite
def ways(draw: st.DrawFn) -> Sequence[Way]:
    def one(destination: object) -> Way:
        return way(
            FIN if destination == "fin" else WEB,
            path=f"route.{destination}",
            group_wait=draw(waits),
            escalation_policy=draw(st.sampled_from([None, "standard"])),
            digest=draw(st.sampled_from([None, None, "daily"])),
            mute=draw(st.sampled_from([(), (), ("nights",)])),
            active=draw(st.sampled_from([(), (), ("office",)])),
        )

    return [one(name) for name in draw(st.sampled_from([["fin"], ["fin", "web"]]))]


@st.composite
def spans(draw: st.DrawFn) -> tuple[float, float]:
    begins = draw(st.integers(-60, END - 60))
    return begins, begins + draw(st.integers(1, 24 * 60))


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    severity = draw(st.sampled_from(list(Severity)))
    check = draw(st.sampled_from([CheckSeverity.ERROR, CheckSeverity.ERROR, CheckSeverity.WARN]))
    harm = draw(st.one_of(st.none(), st.integers(-60, END).map(lambda n: Harm(asset="x", at=minutes(n)))))
    windows = draw(st.lists(spans(), max_size=1))
    silences = draw(st.lists(spans(), max_size=2))
    used = sorted(draw(st.lists(st.integers(-24 * 60, -1), max_size=6)))
    return Desk(
        ways=draw(ways()),
        rules=AttentionRules(
            intervals=INTERVALS,
            policies={"standard": draw(policies)},
            maintenance=tuple(Maintenance(matchers=(), begins=minutes(a), ends=minutes(b)) for a, b in windows),
            reminders={Severity.SEV0: timedelta(minutes=15), Severity.SEV1: timedelta(hours=1)},
            flapping=FlappingRule(changes=draw(st.integers(2, 4))),
        ),
        incident=make_incident(1, make_alert(check_severity=check), severity=severity),
        team=draw(teams),
        harm=harm,
        silences=tuple(
            Silence(id=n, matchers=(), begins=minutes(a), ends=minutes(b), author="ann")
            for n, (a, b) in enumerate(silences)
        ),
        spent={FIN: [minutes(n) for n in used]},
        slow=timedelta(seconds=draw(st.sampled_from([0, 0, 7, 600]))),
    )


changes = st.lists(
    st.tuples(st.integers(0, END), st.sampled_from(["fails", "joins", "recovers", "ack"])), max_size=6
)
passes = st.lists(st.integers(1, END * 60), max_size=25)


def lived(desk: Desk, story: Sequence[tuple[int, str]], extra: Sequence[int] = ()) -> Desk:
    """The desk after everything happened to it: at whole minutes something changes, and somebody looks besides at
    the seconds of `extra`."""
    happenings = [*((minute * 60, what) for minute, what in story), *((second, "looks") for second in extra)]
    for second, what in sorted(happenings):
        minute = second / 60
        desk.until(minute)
        if what == "looks":
            desk.decide()
        elif what in ("fails", "joins"):
            desk.fails(minute, asset="a/b" if what == "fails" else f"x/{minute:.0f}")
        elif what == "recovers" and desk.incident.is_open:
            desk.recovers(minute)
        elif what == "ack" and desk.incident.status == "triggered":
            desk.acknowledged(minute)
    return desk.until(END)


def copy_of(desk: Desk) -> Desk:
    given = ("ways", "rules", "incident", "team", "harm", "silences", "spent", "slow")
    return Desk(**{name: getattr(desk, name) for name in given})


@given(desks(), changes)
def test_every_incident_ends_in_a_push_a_line_of_a_digest_or_a_reason(desk: Desk, story: list[tuple[int, str]]):
    lived(desk, story)
    assert desk.pushes or desk.listed or desk.said


@given(desks(), changes, passes)
def test_looking_more_often_changes_nothing(desk: Desk, story: list[tuple[int, str]], extra: list[int]):
    other = lived(copy_of(desk), story, extra)
    lived(desk, story)
    assert other.pushes == desk.pushes
    assert other.pages == desk.pages
    assert other.reminders == desk.reminders
    assert other.questions == desk.questions
    assert other.listed == desk.listed


@given(desks(), changes)
def test_no_place_gets_two_posts_and_no_page_goes_out_twice(desk: Desk, story: list[tuple[int, str]]):
    lived(desk, story)
    assert all(n == 1 for n in Counter(where for _, where, kind in desk.pushes if kind == "first").values())
    times = Counter((at, where) for at, where, _ in desk.pushes)
    assert not times or max(times.values()) == 1


@given(desks(), changes, st.lists(st.integers(0, 3600), min_size=1, max_size=5))
def test_passes_that_come_late_lose_nothing(desk: Desk, story: list[tuple[int, str]], late: list[int]):
    """The same first posts go out, none earlier than in time."""

    class Late(Desk):
        def until(self, minute: float) -> Desk:
            if self.last is None:
                self.decide()
            while self.wake_at is not None and self.wake_at <= minutes(minute):
                self.now = min(
                    self.wake_at + timedelta(seconds=late[self.now.minute % len(late)]), minutes(minute)
                )
                self.decide()
            self.now = minutes(minute)
            return self

    slow = Late(**{name: getattr(desk, name) for name in ("ways", "rules", "incident", "team", "harm", "spent")})
    still = replace(desk, silences=(), slow=timedelta(0))
    story = [each for each in story if each[1] in ("fails", "joins")]
    lived(still, story)
    lived(slow, story)
    firsts = [{where: at for at, where, kind in each.pushes if kind == "first"} for each in (still, slow)]
    assert firsts[0].keys() == firsts[1].keys()
    assert all(firsts[1][where] >= at for where, at in firsts[0].items())
    assert slow.numbers == sorted(set(slow.numbers)) == list(range(len(slow.numbers)))
