"""An incident, the places where it is told, and a clock: what is decided is carried out at once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.attention import Attention, AttentionRules, Decision, Seen, acknowledgement_ends, decide
from incident_ops.core.attention.record import from_record, to_record
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.hours import Hours
from incident_ops.core.incident import Incident
from incident_ops.core.muting import Firing, QuietRules, Silence, quiet_by_rule
from incident_ops.core.notices import Told
from incident_ops.core.pacing import Group
from incident_ops.core.routing import Destination, RouteNode, Way
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import EntryKind
from incident_ops.core.teams import Team
from incident_ops.core.urgency import Harm
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

FIN = Destination(kind="slack", address="#fin")
WEB = Destination(kind="slack", address="#web")


def way(destination: Destination = FIN, *, team: Team | None = None, path: str = "route", **options: Any) -> Way:
    values: dict[str, Any] = {"path": path, "receiver": "owner", "group_wait": timedelta(seconds=30)}
    return Way(destination=destination, node=RouteNode(**(values | options)), reason="it is theirs", team=team)


@dataclass(kw_only=True)
class Desk:
    """See the module's docstring. Times are minutes after the tests' beginning; `until` goes from one time to wake
    to the next, each change is decided about at once."""

    ways: Sequence[Way] = field(default_factory=lambda: [way()])
    rules: AttentionRules = field(default_factory=AttentionRules)
    incident: Incident = field(default_factory=make_incident)
    team: Team | None = None
    harm: Harm | None = None
    is_assessed: bool = True
    silences: tuple[Silence, ...] = ()
    firing: tuple[Firing, ...] = ()
    spent: Mapping[Destination, Sequence[datetime]] = field(default_factory=dict)
    groups: Callable[[datetime], Mapping[tuple[str, Destination], Group]] = lambda now: {}
    refuses: frozenset[Destination] = frozenset()
    slow: timedelta = timedelta(0)
    """How long the sink takes to accept."""

    now: datetime = field(default_factory=lambda: minutes(0))
    state: Attention = field(default_factory=Attention)
    was_open: bool | None = None
    told: dict[Destination, Told] = field(default_factory=dict)
    waiting: list[tuple[datetime, Destination]] = field(default_factory=list)
    wake_at: datetime | None = None
    pushes: list[tuple[float, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pages: list[tuple[float, str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    listed: list[tuple[float, str, str]] = field(default_factory=list)
    reminders: list[float] = field(default_factory=list)
    questions: list[tuple[float, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    last: Decision | None = None

    def decide(self) -> Decision:
        """One pass, now."""
        self._accept()
        ends = acknowledgement_ends(self.incident, self.state)
        if ends is not None and ends[0] <= self.now:
            self.incident = self.incident.acknowledgement_timed_out(after=ends[1], at=self.now)
        decision = decide(self.incident, self._seen(), self.rules, now=self.now)
        self._carry_out(decision)
        self.last = decision
        return decision

    def _seen(self) -> Seen:
        quiet = quiet_by_rule(
            self.incident.id,
            self.incident.current_labels,
            QuietRules(silences=self.silences, maintenance=self.rules.maintenance, inhibit=self.rules.inhibit),
            firing=self.firing,
            snoozed_until=self.state.snoozed_until,
            now=self.now,
        )
        return Seen(
            was_open=self.was_open,
            state=self.state,
            ways=self.ways,
            told=dict(self.told),
            quiet=quiet,
            team=self.team,
            harm=self.harm,
            is_assessed=self.is_assessed,
            spent=lambda destination: self.spent.get(destination, ()),
            groups=self.groups(self.now),
        )

    def _carry_out(self, decision: Decision) -> None:
        at = self.minute
        for destination, push in decision.pushes.items():
            kind = "again" if destination in self.told else "first"
            self.pushes.append((at, destination.address, kind if push.rings else f"{kind}, silently"))
            self.notes.append(" ".join(filter(None, (push.text, push.note))))
            if destination in self.refuses:
                continue
            self.told.setdefault(destination, Told(is_posted=False))
            if push.rings:
                self.waiting.append((self.now + self.slow, destination))
            else:
                self.told[destination] = replace(self.told[destination], is_posted=True)
        for page in decision.pages:
            self.pages.append((at, ", ".join(page.targets)))
            self.numbers.append(page.number)
        self.listed += [(at, each.way.destination.address, each.why) for each in decision.listed]
        self.reminders += [at] if decision.reminder else []
        self.questions += [(at, decision.question)] if decision.question else []
        self.said += [text for kind, text in decision.entries if kind is not EntryKind.NOTIFIED]
        self.lines += decision.lines
        self.state = from_record(json.loads(json.dumps(to_record(decision.state))))
        assert self.state == decision.state, "what was done is remembered whole"
        self.was_open, self.wake_at = self.incident.is_open, decision.wake_at
        assert decision.wake_at is None or decision.wake_at > self.now, "it does not wake in the past"
        self._accept()

    def _accept(self) -> None:
        for at, destination in [each for each in self.waiting if each[0] <= self.now]:
            self.told[destination] = Told(is_posted=True, last_push_at=at)
            self.waiting.remove((at, destination))

    @property
    def minute(self) -> float:
        return (self.now - minutes(0)) / timedelta(minutes=1)

    def until(self, minute: float) -> "Desk":
        """Decide whenever it is time to, up to then."""
        if self.last is None:
            self.decide()
        end = minutes(minute)
        while self.wake_at is not None and self.wake_at <= end:
            self.now = self.wake_at
            self.decide()
        self.now = end
        return self

    def changes(self, minute: float, change: Callable[[Incident], Incident]) -> "Desk":
        """The incident is changed then, and decided about at once."""
        self.until(minute)
        self.incident = change(self.incident)
        self.decide()
        return self

    def fails(self, minute: float, asset: str = "a/b", severity: Severity = Severity.SEV2) -> "Desk":
        assessment = Assessment(severity=severity, reasons=("why",))
        alert = make_alert(asset, minutes(minute))

        def fired(incident: Incident) -> Incident:
            back = incident if incident.is_open else incident.reopen(why="failed again", at=minutes(minute))
            return back.fired(alert, assessment, now=minutes(minute))

        return self.changes(minute, fired)

    def recovers(self, minute: float) -> "Desk":
        def well(incident: Incident) -> Incident:
            for member in incident.members:
                alert = make_alert(str(member.subject.asset), check=member.subject.check)
                incident = incident.recovered(make_recovery(alert, minutes(minute)), now=minutes(minute))
            return incident.resolved(at=minutes(minute))

        return self.changes(minute, well)

    def acknowledged(self, minute: float) -> "Desk":
        return self.changes(minute, lambda incident: incident.acknowledged(by="ann", at=minutes(minute)))


BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(zone=BERLIN, days=frozenset(range(5)), begins=time(9), ends=time(18))
TEAM = Team(name="fin", channel="#fin", zone=BERLIN, working_hours=OFFICE)
STANDARD = EscalationPolicy(
    name="standard",
    steps=(
        EscalationStep(targets=("schedule:primary",), wait=timedelta(minutes=5)),
        EscalationStep(targets=("lea@acme.test",), wait=timedelta(minutes=10)),
    ),
    repeat=1,
    acknowledge_timeout=timedelta(minutes=30),
)
CLIMBED = way(group_wait=timedelta(0), escalation_policy="standard")
HOUR, DAY = 60, 24 * 60


def warning() -> Incident:
    return make_incident(1, make_alert(check_severity=CheckSeverity.WARN))


def graded(severity: Severity, **anything: Any) -> Incident:
    return make_incident(severity=severity, **anything)


def silence(begins: float, ends: float) -> Silence:
    return Silence(id=3, matchers=(), begins=minutes(begins), ends=minutes(ends), author="ann", comment="known")
