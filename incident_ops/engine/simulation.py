"""What would have been pushed, had another configuration been in force: what happened (`happenings`) goes through
triage and timers once more, into a store of its own, in which whatever is owed is accepted at once.

The clock goes from one happening or timer to the next; each is a pass, as the sensors make them. Not replayed is
what was built from what, so that incidents are grouped by lineage and time alone and those who use the data hear
nothing, and what a sink refused.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incident_ops.core.alert import Recovery
from incident_ops.core.errors import IllegalChange
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.muting import QuietKind
from incident_ops.core.oncall import next_handoff
from incident_ops.core.record import utc_text
from incident_ops.core.routing import RoutingRules
from incident_ops.core.teams import Team
from incident_ops.engine.forecast import harm_ahead
from incident_ops.engine.happenings import Deed, Happening, Happenings
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports.simulation import Outcome, Trial
from incident_ops.engine.snooze import snooze
from incident_ops.engine.timers import attend_due, hand_over, send_digests
from incident_ops.engine.triage import change, settle_recovered, triage

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A push, to whom, and on which day of theirs."""

    recipient: str
    day: date
    at: datetime
    is_page: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What one configuration makes of what happened.

    Attributes:
        pushes: in order of time.
        zones: recipient → the time zone of its days.
        suppressed: reason → incidents of which somebody was not pushed on account of it.
        not_applicable: what people did that made no sense here: the incident was over, or never was.
    """

    pushes: tuple[Pushed, ...]
    zones: Mapping[str, ZoneInfo]
    incidents: int
    posts: int
    digests: int
    digest_lines: int
    suppressed: Mapping[str, int]
    not_applicable: int


def simulate(
    trial: Trial,
    happened: Happenings,
    knowledge: Knowledge,
    *,
    until: datetime,
    tell: Callable[[int], None] = lambda _: None,
) -> Simulated:
    """Replay what happened, and let the clock go on until `until`.

    Args:
        trial: an empty store.
        knowledge: the configuration, with the silences of the whole time.
        tell: is told, after each pass, how many alerts were replayed so far.
    """
    replay = _Replay(trial, happened.in_order, knowledge)
    while (at := replay.next_time()) is not None and at < until:
        replay.pass_at(at)
        tell(replay.alerts)
    return _simulated(trial.outcome(), knowledge.policy.routing, not_applicable=replay.not_applicable)


class _Replay:
    """The clock of one simulation. Times to look again that the store does not keep are kept here."""

    def __init__(self, trial: Trial, happened: Sequence[Happening], knowledge: Knowledge) -> None:
        self._trial, self._knowledge = trial, knowledge
        self._ahead = list(reversed(happened))
        self._harms: list[tuple[datetime, int]] = []
        self._ripe: list[datetime] = []
        self._hand_over_at = happened[0].at if happened and knowledge.policy.schedules else None
        self.alerts, self.not_applicable = 0, 0

    def next_time(self) -> datetime | None:
        """Of the next happening, or when something comes due by the clock."""
        times = [
            self._ahead[-1].at if self._ahead else None,
            self._trial.next_wake(),
            self._trial.next_digest(),
            self._hand_over_at,
            self._harms[0][0] if self._harms else None,
            self._ripe[0] if self._ripe else None,
        ]
        return min((at for at in times if at is not None), default=None)

    def pass_at(self, now: datetime) -> None:
        trial, knowledge = self._trial, self._knowledge
        if knowledge.policy.attention.inhibit:
            knowledge = replace(knowledge, firing=dict(trial.firing_labels()))
        if self._ahead and self._ahead[-1].at <= now:
            self._take(self._ahead.pop(), knowledge, now)
        if self._ripe and self._ripe[0] <= now:
            while self._ripe and self._ripe[0] <= now:
                heapq.heappop(self._ripe)
            settle_recovered(trial, knowledge, now=now)
        self._look_for_harm(knowledge, now)
        attend_due(trial, knowledge, now=now, may_go_on=lambda: True)
        send_digests(trial, knowledge, now=now)
        if self._hand_over_at is not None and self._hand_over_at <= now:
            hand_over(trial, knowledge, now=now)
            ends = [next_handoff(schedule, now) for schedule in knowledge.policy.schedules.values()]
            self._hand_over_at = min((at for at in ends if at is not None), default=None)
        trial.accept(now=now)

    def _take(self, happening: Happening, knowledge: Knowledge, now: datetime) -> None:
        triage(self._trial, happening.observations, knowledge, now=now)
        self.alerts += happening.alerts
        if (after := knowledge.policy.resolve_after) > timedelta(0):
            healed = (each.occurred_at for each in happening.observations if isinstance(each, Recovery))
            for at in healed:
                heapq.heappush(self._ripe, max(now, at + after))
        for deed in happening.deeds:
            self._do(deed, knowledge, now)

    def _do(self, deed: Deed, knowledge: Knowledge, now: datetime) -> None:
        for number in sorted(set(self._trial.incidents_of(deed.events).values())):
            try:
                if deed.verb is None:
                    snooze(self._trial, number, knowledge, until=deed.until, by=deed.by, now=now)
                else:
                    change(self._trial, number, deed.verb, knowledge, now=now)
            except IllegalChange:
                self.not_applicable += 1

    # ---- what can wait until somebody works

    def _look_for_harm(self, knowledge: Knowledge, now: datetime) -> None:
        """The deadlines that `engine.assess` would have found, and the next one when one has passed."""
        passed: set[int] = set()
        while self._harms and self._harms[0][0] <= now:
            passed.add(heapq.heappop(self._harms)[1])
        if passed:
            with self._trial.transaction() as tx:
                tx.mark_unassessed(passed)
        while (waiting := self._trial.next_unassessed()) is not None:
            with self._trial.transaction() as tx:
                incident = tx.incident(waiting.number)
                before = tx.findings(waiting.number)
                if incident.is_open:
                    harm = harm_ahead(
                        tx.history,
                        _hit(incident),
                        catalog=knowledge.catalog_with_consumers,
                        ticks=knowledge.ticks,
                        now=now,
                    )
                    found = {"asset": harm.asset, "at": utc_text(harm.at)} if harm is not None else None
                    tx.save_findings(waiting.number, Findings(at=now, suspects=(), impact={"next_harm": found}))
                    if before is None or before.impact.get("next_harm") != found:
                        tx.wake([waiting.number], at=now)
                        if harm is not None:
                            heapq.heappush(self._harms, (harm.at, waiting.number))
                tx.mark_assessed(waiting)


def _hit(incident: Incident) -> set[str]:
    places = [incident.root.subject.asset, *(member.subject.asset for member in incident.firing)]
    return {asset.key for asset in places if asset is not None}


# ---- who was pushed


def _simulated(outcome: Outcome, routing: RoutingRules, *, not_applicable: int) -> Simulated:
    names = {rung.destination: _recipient(rung.destination.address, routing) for rung in outcome.rung}
    zones = {name: _zone(name, routing) for name in names.values()}
    pushes = tuple(
        Pushed(
            recipient=names[rung.destination],
            day=rung.at.astimezone(zones[names[rung.destination]]).date(),
            at=rung.at,
            is_page=rung.is_page,
        )
        for rung in outcome.rung
    )
    suppressed = [(number, text) for number, text in outcome.suppressed if not text.endswith(_FOR_A_MOMENT)]
    reasons = {(reason_of(text), number) for number, text in suppressed}
    return Simulated(
        pushes=pushes,
        zones=zones,
        incidents=outcome.incidents,
        posts=outcome.posts,
        digests=outcome.digests,
        digest_lines=outcome.digest_lines,
        suppressed=dict(sorted(Counter(reason for reason, _ in reasons).items())),
        not_applicable=not_applicable,
    )


def _recipient(address: str, routing: RoutingRules) -> str:
    """A person by e-mail, also where the sink knows them by an id; else the place itself."""
    return next((person.email for person in routing.people.values() if person.slack == address), address)


def _zone(recipient: str, routing: RoutingRules) -> ZoneInfo:
    def is_theirs(team: Team) -> bool:
        return recipient in (team.channel, team.engineer, team.analyst, team.lead)

    return next((team.zone for team in routing.teams.values() if is_theirs(team)), _UTC)


_REASONS: tuple[tuple[str, QuietKind], ...] = (
    ("silenced by ", QuietKind.SILENCED),
    ("maintenance window ", QuietKind.MAINTENANCE),
    ("inhibited while ", QuietKind.INHIBITED),
    ("snoozed until ", QuietKind.SNOOZED),
    ("grouped by ", QuietKind.GROUPED),
    ("muted by ", QuietKind.MUTED),
    ("outside of the active time intervals ", QuietKind.MUTED),
    ("flapping: ", QuietKind.FLAPPING),
    ("WARN is ", QuietKind.DIGESTED),
    ("it is for the ", QuietKind.DIGESTED),
    ("held until ", QuietKind.HELD),
    ("over budget: ", QuietKind.OVER_BUDGET),
    ("merged into ", QuietKind.RECORDED),
    ("expected event ", QuietKind.RECORDED),
    ("it is older than our installation", QuietKind.RECORDED),
)
"""How the sentences begin that `core.muting`, `core.attention` and their kin write on the timeline."""

_FOR_A_MOMENT = "it waits to be looked into"
OVER_ALREADY, OTHERWISE = "over_already", "otherwise"


def reason_of(text: str) -> str:
    """Which quiet a sentence of the timeline tells of: a `QuietKind`, `over_already` or `otherwise`."""
    _, is_of_all, why = text.partition("nobody is pushed: ")
    if not is_of_all:
        _, is_of_one, rest = text.partition(" is not pushed: ")
        why = rest if is_of_one else text
    if why == "it was over before anybody was told":
        return OVER_ALREADY
    return next((str(kind) for beginning, kind in _REASONS if why.startswith(beginning)), OTHERWISE)


# ---- records


def record_of(
    happened: Happenings, before: Simulated, after: Simulated | None, *, since: datetime, until: datetime
) -> dict[str, Any]:
    """As `simulate --json` prints it; without a second configuration everything about `after` is None."""
    both = [before, *([after] if after is not None else [])]
    names = {push.recipient for each in both for push in each.pushes}
    return {
        "since": utc_text(since),
        "until": utc_text(until),
        "replayed": {
            "alerts": happened.alerts,
            "recoveries": happened.recoveries,
            "changes_by_people": happened.deeds,
            "not_replayed": happened.not_replayed,
        },
        "before": _totals(before),
        "after": _totals(after) if after is not None else None,
        "recipients": sorted(
            (_recipient_record(name, before, after, since=since, until=until) for name in names),
            key=lambda record: (-max(record["before"], record["after"] or 0), record["recipient"]),
        ),
    }


def _totals(done: Simulated) -> dict[str, Any]:
    return {
        "incidents": done.incidents,
        "pushes": len(done.pushes),
        "posts": done.posts,
        "pages": sum(push.is_page for push in done.pushes),
        "digests": done.digests,
        "digest_lines": done.digest_lines,
        "suppressed": dict(done.suppressed),
        "not_applicable": done.not_applicable,
    }


def _recipient_record(
    name: str, before: Simulated, after: Simulated | None, *, since: datetime, until: datetime
) -> dict[str, Any]:
    zone = next(each.zones[name] for each in (after, before) if each is not None and name in each.zones)
    counts = [_by_day(name, each) for each in (before, after) if each is not None]
    first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    was, will = counts[0], counts[1] if len(counts) > 1 else None
    return {
        "recipient": name,
        "timezone": str(zone),
        "before": was.total(),
        "after": will.total() if will is not None else None,
        "days": [
            {"day": day.isoformat(), "before": was[day], "after": will[day] if will is not None else None}
            for day in days
        ],
    }


def _by_day(name: str, done: Simulated) -> Counter[date]:
    return Counter(push.day for push in done.pushes if push.recipient == name)
