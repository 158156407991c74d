"""Who is to be told now about one incident, why the others are not, and when to look again.

Everything that decides it comes together here: the timers (`pacing`), the quiets (`muting`, `flapping`, `urgency`,
`budget`), the climb (`escalation`), reminders and the question what it was (`classification`). The decision is a
value; what was done so far is another, kept with the incident.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from incident_ops.core.attention.climbing import acknowledgement_ends, climbed, quiet_on_all
from incident_ops.core.attention.state import Attention, AttentionRules, Decision, Listed, Place, Seen
from incident_ops.core.attention.wording import (
    LEADS_NOWHERE,
    ONLY_A_WARNING,
    OVER_ALREADY,
    as_sentence,
    grown_by,
    is_warning,
    recorded,
    reminder_of,
    sentences,
    still_failing,
)
from incident_ops.core.budget import allowance
from incident_ops.core.classification import next_question
from incident_ops.core.escalation import Page, begun
from incident_ops.core.flapping import flapping, recent
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.message import moment
from incident_ops.core.muting import Quiet, QuietKind, quiet_by_hours
from incident_ops.core.notices import Push, Told
from incident_ops.core.pacing import ALONE, Due, Pace, PushKind, began, next_push
from incident_ops.core.routing.destinations import Destination
from incident_ops.core.routing.owners import OUR_OWN, Way, told_apart
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Status
from incident_ops.core.urgency import urgency

_AT_ONCE = timedelta(seconds=1)
"""What is due already, and could not be done in this decision, is done in the next."""

_LISTED = frozenset({QuietKind.DIGESTED, QuietKind.OVER_BUDGET})


def decide(incident: Incident, seen: Seen, rules: AttentionRules, *, now: datetime) -> Decision:
    """Who is told now. The same answer whenever it is asked at the same time with the same knowledge; asked once
    more after it was carried out, nobody is told anything again.

    Args:
        incident: an acknowledgement that has timed out is taken back before.
    """
    return _Deciding(incident, seen, rules, now).decision()


class _Deciding:
    """One decision, on its way."""

    def __init__(self, incident: Incident, seen: Seen, rules: AttentionRules, now: datetime) -> None:
        self.incident, self.seen, self.rules, self.now = incident, seen, rules, now
        self.recorded = recorded(incident)
        self.everywhere = self.recorded or seen.quiet
        self.flaps: Quiet | None = None
        self.state = seen.state
        self.pushes: dict[Destination, Push] = {}
        self.listed: list[Listed] = []
        self.quiets: dict[Destination, Quiet] = {}
        self.entries: list[tuple[EntryKind, str]] = []
        self.lines: list[str] = []
        self.wakes: list[datetime] = []

    def decision(self) -> Decision:
        self._take_stock()
        self._flapping()
        routed = [way for way in self.seen.ways if self._treated(way)]
        if routed:
            self.entries.append((EntryKind.NOTIFIED, f"routed to {told_apart(routed)}"))
        pages = self._climbing()
        reminder = self._reminder()
        question = self._question()
        self._say_the_quiets()
        is_heard_now = self._heard()
        if (ends := acknowledgement_ends(self.incident, self.state)) is not None:
            self.wakes.append(ends[0])
        if self.incident.is_open:
            self._wake_at_the_end_of(self.everywhere)
        return Decision(
            state=self._left_behind(),
            pushes=self.pushes,
            pages=tuple(pages),
            listed=tuple(self.listed),
            lines=tuple(self.lines),
            reminder=reminder,
            tells_story=self.flaps is None,
            entries=tuple(self.entries),
            question=question,
            is_heard_now=is_heard_now,
            wake_at=max(min(self.wakes), self.now + _AT_ONCE) if self.wakes else None,
        )

    def _take_stock(self) -> None:
        """Which members there are, and what was done for the places where it may be told. What came to a place
        with another incident's post is no news there."""
        known, incident = self.state.members, self.incident
        members = (*known, *(key for key in map(_key, incident.members) if key not in known))
        here = {str(way.destination): self.seen.told.get(way.destination) for way in self.seen.ways}
        told = {str(destination) for destination in self.seen.told}
        places = {name: place for name, place in self.state.places.items() if name in here or name in told}
        for name, heard in here.items():
            place = places.get(name, Place())
            if heard is not None and place.pushed_at is None:
                at = heard.last_push_at or self.now
                places[name] = replace(place, pushed_at=at, members=len(members), collapsed="")
        self.state = replace(self.state, members=members, places=MappingProxyType(places))

    def _left_behind(self) -> Attention:
        """What is remembered of all this."""
        state = replace(self.state, held="") if self.pushes else self.state
        if self.incident.is_open:
            return replace(state, asked=0, asked_at=None)
        places = {name: replace(place, collapsed="") for name, place in state.places.items()}
        return replace(
            state,
            places=MappingProxyType(places),
            climbs=(),
            held="",
            snoozed_until=None,
            reminded_at=None,
        )

    def _place(self, way: Way) -> Place:
        return self.state.places.get(str(way.destination), Place())

    def _keep(self, way: Way, place: Place) -> None:
        places = MappingProxyType({**self.state.places, str(way.destination): place})
        self.state = replace(self.state, places=places)

    def _wake_at_the_end_of(self, quiet: Quiet | None) -> None:
        if quiet is not None and quiet.until is not None:
            self.wakes.append(quiet.until)

    # ---- each destination

    def _treated(self, way: Way) -> bool:
        """Push, list or keep quiet; True when a first post goes out."""
        told, place = self._told(way), self._place(way)
        if told is None and place.pushed_at is not None:
            return False  # it refused the post, which went elsewhere
        group = self.seen.groups.get((way.node.path, way.destination), ALONE)
        has_grown = bool(self._new_to(place))
        due = next_push(self.incident, told, _pace(way), has_grown=has_grown, group=group, now=self.now)
        if due is None:
            if told is not None and told.last_push_at is None and self.incident.status is Status.TRIGGERED:
                self.wakes.append(self.now + way.node.group_interval)  # not accepted yet: nothing to count from
            return False
        if due.at > self.now:
            self.wakes.append(due.at)
            if due.kind is PushKind.FIRST and group.told_at is not None:
                text = f"grouped by {', '.join(way.node.group_by)} with {group.lead}, told at {moment(due.at)}"
                self.quiets[way.destination] = Quiet(kind=QuietKind.GROUPED, text=text, until=due.at)
            return False
        is_lead = group.told_at != self.now
        quiet = self._quiet_for(way) or (self._over_budget(way, due) if is_lead else None)
        if quiet is not None:
            self._keep_quiet(way, quiet)
            return False
        self._push(way, due, is_lead=is_lead)
        return due.kind is PushKind.FIRST

    def _told(self, way: Way) -> Told | None:
        """As the deliveries tell; the cool-down of what went along with another incident, or is not accepted yet,
        begins when it was decided."""
        told, at = self.seen.told.get(way.destination), self._place(way).pushed_at
        if told is None or not told.is_posted or at is None:
            return told
        return replace(told, last_push_at=max(at, told.last_push_at or at))

    def _new_to(self, place: Place) -> list[Member]:
        unheard = set(self.state.members[place.members :])
        return [member for member in self.incident.members if _key(member) in unheard]

    def _quiet_for(self, way: Way) -> Quiet | None:
        return self.everywhere or self._quiet_here(way) or self.flaps or self._held()

    def _quiet_here(self, way: Way) -> Quiet | None:
        """By the branch: its hours, its digest, and what is only a warning."""
        node = way.node
        by_hours = quiet_on_all(
            [
                quiet_by_hours(each.mute, each.active, self.rules.intervals, now=self.now)
                for each in (node, *way.also)
            ]
        )
        if by_hours is not None:
            return by_hours
        if is_warning(self.incident):
            if node is OUR_OWN:
                return Quiet(kind=QuietKind.RECORDED, text=ONLY_A_WARNING)
            text = f"{ONLY_A_WARNING}, in the {node.digest or 'daily'} digest"
            return Quiet(kind=QuietKind.DIGESTED, text=text)
        if node.digest is not None:
            return Quiet(kind=QuietKind.DIGESTED, text=f"it is for the {node.digest} digest ({node.path})")
        return None

    def _held(self) -> Quiet | None:
        judged = urgency(
            self.incident.severity,
            self.seen.team,
            self.seen.harm,
            unknown_since=None if self.seen.is_assessed else self.incident.detected_at,
            now=self.now,
        )
        if judged.hold is not None:
            self.state = replace(self.state, held=judged.hold.text)
        return judged.hold

    def _over_budget(self, way: Way, due: Due) -> Quiet | None:
        """A first push that is over budget is the digest's for good: pushed a day later it would be old, and
        use up the budget of that day."""
        if way.node is OUR_OWN:
            return None
        budget, severity, place = self.rules.budget, self.incident.severity, self._place(way)
        if place.collapsed and severity not in budget.always:
            return Quiet(kind=QuietKind.OVER_BUDGET, text=place.collapsed)
        address, spent = way.destination.address, self.seen.spent(way.destination)
        quiet = allowance(budget, severity, address, spent, now=self.now).quiet
        if quiet is None or due.kind is not PushKind.FIRST:
            return quiet
        self._keep(way, replace(place, collapsed=quiet.text))
        return replace(quiet, until=None)

    def _keep_quiet(self, way: Way, quiet: Quiet) -> None:
        self.quiets[way.destination] = quiet
        self._wake_at_the_end_of(quiet)
        place, failures = self._place(way), self.incident.failure_count
        if quiet.kind in _LISTED and (place.listed is None or failures > place.listed):
            self.listed.append(Listed(way=way, why=quiet.text))
            self._keep(way, replace(place, listed=failures))

    def _push(self, way: Way, due: Due, *, is_lead: bool) -> None:
        place = self._place(way)
        notes = [self._why_now()] if due.kind is PushKind.FIRST else []
        text = ""
        if due.kind is PushKind.REPEAT:
            text = still_failing(self.incident, now=self.now)
        elif due.kind is PushKind.GROWN:
            text = grown_by(self._new_to(place))
        if is_lead and way.node is not OUR_OWN:
            spent = self.seen.spent(way.destination)
            address = way.destination.address
            notes.append(allowance(self.rules.budget, self.incident.severity, address, spent, now=self.now).note)
        self.pushes[way.destination] = Push(text=text, note="\n".join(filter(None, notes)), rings=is_lead)
        self.wakes.append(self.now + way.node.repeat_interval)
        members = len(self.state.members)
        self._keep(way, replace(place, pushed_at=self.now, members=members, collapsed=""))

    def _why_now(self) -> str:
        judged = urgency(self.incident.severity, self.seen.team, self.seen.harm, unknown_since=None, now=self.now)
        if judged.note:
            return judged.note
        could_wait = not self.incident.severity.is_at_least(Severity.SEV1)
        return f"It waited: {self.state.held}." if self.state.held and could_wait else ""

    # ---- the incident as a whole

    def _flapping(self) -> None:
        """Whether it flaps; when that begins, who has its post is told, and whoever is not quiet is called."""
        incident, rule, state = self.incident, self.rules.flapping, self.state
        changes = state.changes
        if self.seen.was_open is not incident.is_open:
            changes = (*changes, self.now)
        changes = recent(changes, rule, now=self.now)
        flaps = flapping(changes, rule, now=self.now)
        if flaps is not None and not state.is_flapping:
            self.entries.append((EntryKind.FLAPPING, flaps.text))
            self.lines.append(as_sentence(f"{flaps.text}; the next news comes when it has calmed down"))
            self._call_about_flapping()
        elif flaps is None and state.is_flapping:
            text = f"no longer flapping: it is {incident.status}"
            self.entries.append((EntryKind.FLAPPING, text))
            self.lines.append(as_sentence(text))
        self._wake_at_the_end_of(flaps)
        self.flaps = flaps
        self.state = replace(self.state, changes=changes, is_flapping=flaps is not None)

    def _call_about_flapping(self) -> None:
        for way in self.seen.ways:
            if way.destination not in self.seen.told or self._quiet_for(way) is not None:
                continue
            if self._over_budget(way, Due(kind=PushKind.GROWN, at=self.now)) is None:
                self.pushes[way.destination] = Push()

    def _climbing(self) -> list[Page]:
        """Take what is due of each policy that an unquiet way has; the policy is the one of when it began."""
        incident = self.incident
        if not incident.is_open or is_warning(incident):
            return []
        climbs = {climb.policy.name: climb for climb in self.state.climbs}
        quiets: dict[str, list[Quiet | None]] = {}
        for way in self.seen.ways:
            name = way.escalation_policy
            if name is None or way.node.digest is not None or way.node is OUR_OWN:
                continue
            if name not in climbs:
                if name not in self.rules.policies:
                    continue
                climbs[name] = begun(self.rules.policies[name], at=began(incident) + way.node.group_wait)
            quiets.setdefault(name, []).append(self._quiet_for(way))
        done = [
            climbed(climb, incident, quiet_on_all(quiets.get(name, [self.everywhere or self.flaps])), now=self.now)
            for name, climb in climbs.items()
        ]
        self.wakes += [each.wake_at for each in done if each.wake_at is not None]
        self.entries += [
            (EntryKind.PAGED, f"escalation policy {each.climb.policy.name} is exhausted: nobody has acknowledged")
            for each in done
            if each.is_over
        ]
        self.state = replace(self.state, climbs=tuple(each.climb for each in done))
        return [each.page for each in done if each.page is not None]

    def _reminder(self) -> str:
        interval = self.rules.reminders.get(self.incident.severity)
        if interval is None or self.incident.status is not Status.TRIGGERED or self.everywhere or self.flaps:
            return ""  # the quiets wake at their end
        called = [told.last_push_at for told in self.seen.told.values() if told.last_push_at is not None]
        called += [self.now] if self.pushes else []
        if not called:
            return ""
        if (due := max([*called, self.state.reminded_at or called[0]]) + interval) > self.now:
            self.wakes.append(due)
            return ""
        self.state = replace(self.state, reminded_at=self.now)
        self.wakes.append(self.now + interval)
        return reminder_of(self.incident, now=self.now)

    def _question(self) -> int:
        """1 when the owner, 2 when the lead is asked now. Who heard nothing of it is not asked either."""
        if not self.seen.told:
            return 0
        due, question = self._next_question(), 0
        if due is not None and due <= self.now:
            question = self.state.asked + 1
            self.state = replace(self.state, asked=question, asked_at=self.now)
            due = self._next_question()
        self.wakes += [due] if due is not None else []
        return question

    def _next_question(self) -> datetime | None:
        asked, asked_at = self.state.asked, self.state.asked_at
        return next_question(self.incident, self.rules.classification, asked=asked, asked_at=asked_at)

    def _heard(self) -> bool:
        """Whether those who use the data may be told from now on: when nobody waits any more for what else comes,
        and the incident is not quiet as a whole. That somebody is asleep is no reason not to tell the others."""
        is_waiting = self.incident.is_open and not self.seen.told and self._waits_for_its_group()
        is_unheard = self.everywhere is not None or is_warning(self.incident) or is_waiting
        was_unheard = self.state.is_unheard
        self.state = replace(self.state, is_unheard=is_unheard)
        return was_unheard and not is_unheard

    def _waits_for_its_group(self) -> bool:
        waits = [way.node.group_wait for way in self.seen.ways]
        return bool(waits) and began(self.incident) + min(waits) > self.now

    def _say_the_quiets(self) -> None:
        said = self._reasons()
        self.entries += [(EntryKind.SUPPRESSED, each) for each in said if each not in self.state.said]
        self.state = replace(self.state, said=tuple(said))

    def _reasons(self) -> list[str]:
        if self.recorded is not None:
            return [f"nobody is pushed: {self.recorded.text}"]
        if not self.seen.ways and self.incident.is_open:
            return [LEADS_NOWHERE]
        places = self.state.places.values()
        was_said = any(place.pushed_at is not None or place.listed is not None for place in places)
        if not (self.incident.is_open or self.quiets or self.pushes or self.seen.told or was_said):
            return [OVER_ALREADY]
        return sentences(self.quiets, of=len(self.seen.ways))


def _key(member: Member) -> str:
    return "|".join(member.key)


def _pace(way: Way) -> Pace:
    node = way.node
    return Pace(
        group_wait=node.group_wait, group_interval=node.group_interval, repeat_interval=node.repeat_interval
    )
