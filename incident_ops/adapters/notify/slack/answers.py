"""What one person alone is shown: the answers to `/incident`, and a sentence about what became of a press."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_ops.adapters.notify.plain import and_more
from incident_ops.adapters.notify.slack.actions import actions_of
from incident_ops.adapters.notify.slack.blocks import SECTION, Block, link_to, mrkdwn, render
from incident_ops.adapters.notify.slack.scopes import COMMAND, NOTE_SHORTCUT_NAME
from incident_ops.adapters.notify.slack.text import fit, fit_line, inline, units
from incident_ops.core.commands import (
    Acknowledge,
    Assign,
    Command,
    Grade,
    Note,
    Resolve,
    Silence,
    Snooze,
    TakeRole,
)
from incident_ops.core.durations import format_duration
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link, compose
from incident_ops.core.reasons import in_words
from incident_ops.core.status import Status

Links = Callable[[Incident], tuple[Link, ...]]
Body = dict[str, Any]

MOST_LISTED = 20
MOST_SCHEDULES = 40
_LINE, _NAME, _SENTENCE = 400, 100, 1_000

_MARKS = {Status.TRIGGERED: "🔴", Status.ACKNOWLEDGED: "🟡", Status.MITIGATED: "🟡"}

HELP = (
    f"`{COMMAND} list`  what is open, the most urgent first",
    f"`{COMMAND} show INC-7`  one incident, with its buttons",
    f"`{COMMAND} mine`  what you are assigned, answer for or have a role in",
    f"`{COMMAND} oncall [SCHEDULE]`  who is on call now",
    f"*{NOTE_SHORTCUT_NAME}*, in the menu of a message in an incident's thread, puts it on the timeline.",
)


def sentence(text: str) -> Body:
    """One sentence, from us or from an error: nothing in it is read as markup."""
    return _body(fit(text, _SENTENCE, inline))


def help_text(said: str = "") -> Body:
    """
    Args:
        said: what was not understood.
    """
    first = [f"I do not know {fit_line(said, _NAME, inline)}. What I know:"] if said.strip() else []
    return _body("\n".join([*first, *HELP]))


def listed(incidents: Sequence[Incident], *, heading: str, nothing: str, links_of: Links, now: datetime) -> Body:
    """At most `MOST_LISTED`, the most urgent first: the worst, of these what nobody has taken, of these the
    oldest."""
    if not incidents:
        return sentence(nothing)
    first = sorted(incidents, key=lambda i: (i.severity.rank, i.status is not Status.TRIGGERED, i.detected_at))
    lines = [f"*{heading}* ({len(incidents):,})", *(_line(i, links_of, now) for i in first[:MOST_LISTED])]
    if len(incidents) > MOST_LISTED:
        lines.append(and_more(len(incidents) - MOST_LISTED))
    return _body(*lines)


def shown(incident: Incident, *, links_of: Links) -> Body:
    payload = render(compose(incident, links_of=links_of), actions=actions_of(incident))
    return {"response_type": "ephemeral", "text": payload.text, "blocks": list(payload.blocks)}


def on_call(schedules: Mapping[str, Sequence[str]], wanted: str) -> Body:
    """
    Args:
        wanted: a schedule, or nothing for all of them.
    """
    if not schedules:
        return _body("There is no schedule: add one to `schedules` in the configuration.")
    names = sorted(schedules, key=str.casefold)
    found = [name for name in names if name.casefold() == wanted.casefold()] if wanted else names
    if not found:
        known = fit_line(", ".join(names), _SENTENCE, inline)
        return _body(f"There is no schedule {fit_line(wanted, _NAME, inline)}; there are: {known}")
    lines = [_shift(name, schedules[name]) for name in found[:MOST_SCHEDULES]]
    if len(found) > MOST_SCHEDULES:
        lines.append(and_more(len(found) - MOST_SCHEDULES))
    return _body(*lines)


def done(command: Command, incident: Incident) -> str:
    """What became of it, for whom asked: the thread tells everybody, a little later."""
    match command:
        case Acknowledge():
            return f"{incident.id} is acknowledged."
        case Assign(to=to):
            return f"{incident.id} is assigned to {to}."
        case Grade():
            return f"{incident.id} is {incident.severity} now."
        case Note() if incident.number != command.number:
            return f"It is on the timeline of {incident.id}, into which INC-{command.number} was merged."
        case Note():
            return f"It is on the timeline of {incident.id}."
        case Resolve(reason=reason):
            return f"{incident.id} is {incident.status} as: {in_words(reason)}."
        case Silence(lasting=lasting):
            return f"Nobody is told of {incident.root.subject} for {format_duration(lasting)}."
        case Snooze(lasting=None):
            return f"{incident.id} is no longer snoozed."
        case Snooze(lasting=timedelta() as lasting):
            return f"{incident.id} is snoozed for {format_duration(lasting)}."
        case TakeRole(role=role, who=None):
            return f"{incident.id} has no {role} now."
        case TakeRole(role=role, who=who):
            return f"{who} is {role} of {incident.id}."
        case _:
            return f"{incident.id}: done."


def _line(incident: Incident, links_of: Links, now: datetime) -> str:
    link = next((link_to(Link(label=incident.id, url=link.url)) for link in links_of(incident)), "")
    name = link if link.startswith("<") else incident.id
    who = f" ({incident.assignee})" if incident.assignee else ""
    since = format_duration(max(now - incident.detected_at, timedelta(0)))
    words = f"{incident.severity} {incident.title} · {incident.status}{who} for {since}"
    return f"{_MARKS.get(incident.status, '🟢')} {name} {fit_line(words, _LINE, inline)}"


def _shift(name: str, people: Sequence[str]) -> str:
    return f"*{fit_line(name, _NAME, inline)}*: {fit(', '.join(people) or 'nobody', _LINE, inline)}"


def _body(*lines: str) -> Body:
    blocks = [_section(text) for text in _in_sections(lines)]
    return {"response_type": "ephemeral", "text": lines[0], "blocks": blocks}


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def _in_sections(lines: Sequence[str]) -> Iterator[str]:
    """As many lines together as one section holds."""
    held = ""
    for line in lines:
        if held and units(held) + 1 + units(line) > SECTION:
            yield held
            held = ""
        held = f"{held}\n{line}" if held else line
    yield held
