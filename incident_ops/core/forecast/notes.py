"""Whose deadline will be missed hears of it, and hears when it will not be: the ledger's entries of kind `late`.

One entry for each owner and deadline. Owners who have the incident itself read it there. What will be missed is
`expected`'s business.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_ops.core.audience import AudienceKind, Entry
from incident_ops.core.forecast.expected import Verdict
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment

Record = Mapping[str, Any]
"""An asset's deadline and arrival, as an incident's findings keep it."""

Due = tuple[str, datetime]
"""An asset and its deadline, to the minute."""

_OPENING = re.compile(
    r"(?P<asset>.+) will miss its deadline (?P<deadline>\d{4}-\d\d-\d\d \d\d:\d\d) UTC: ", re.DOTALL
)
_MOST_LINES = 10
_ALMOST_A_MINUTE = timedelta(seconds=59)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the ledger gains.

    Attributes:
        ended: entries that are over, as their end is told.
        silent: entries whose deadline has passed: the freshness policy says the rest.
    """

    new: tuple[Entry, ...] = ()
    ended: tuple[tuple[Entry, str], ...] = ()
    silent: tuple[Entry, ...] = ()


def notes_owed(
    incident: Incident,
    forecast: Iterable[Record],
    ledger: Sequence[Entry],
    *,
    owners_of: Callable[[str], Collection[str]],
    built_at: Mapping[str, datetime],
    informed: Collection[str] = (),
    is_quiet: bool = False,
    now: datetime,
) -> Notes:
    """The next entries. What was told ends when the asset is built, or expected in time after all; the end of an
    incident says nothing of either.

    Args:
        owners_of: asset → its owners.
        built_at: asset → when it was last materialized, of those that `awaited` names.
        informed: owners who have the incident itself.
        is_quiet: nobody is pushed for this incident: nothing begins; what began, ends.
    """
    found = {_due(record): record for record in forecast} if incident.is_open else {}
    missing = {due: record for due, record in found.items() if record["verdict"] == Verdict.WILL_MISS}
    running = [(entry, _told_of(entry)) for entry in ledger if _is_running(entry)]
    told = {(entry.recipient, due) for entry, due in running}
    new: list[Entry] = []
    if not is_quiet:
        for due, record in missing.items():
            for owner in sorted(set(owners_of(record["asset"])) - set(informed)):
                if (owner, due) not in told:
                    new.append(_entry(owner, _will_miss(record), [*ledger, *new], now=now))
    over = [(replace(entry, ended_at=now), due) for entry, due in running if due not in missing]
    ends = [(entry, due, _end(due, found.get(due), built_at.get(due[0]), since=entry.at)) for entry, due in over]
    return Notes(
        new=tuple(new),
        ended=tuple((entry, text) for entry, _, text in ends if text),
        silent=tuple(entry for entry, (_, deadline), text in ends if not text and deadline <= now),
    )


def awaited(ledger: Iterable[Entry]) -> set[str]:
    """The assets whose owners wait to hear the end."""
    return {_told_of(entry)[0] for entry in ledger if _is_running(entry)}


def by_owner(texts: Iterable[tuple[Entry, str]], incident: Incident) -> dict[str, tuple[Entry, str]]:
    """One message for each owner, whatever it has to tell of: the first of the entries stands for all."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    first: dict[str, Entry] = {}
    for entry, text in texts:
        lines[entry.recipient].append(text)
        first.setdefault(entry.recipient, entry)
    return {owner: (first[owner], _message(said, incident)) for owner, said in lines.items()}


def _message(lines: Sequence[str], incident: Incident) -> str:
    rest = [f"and {len(lines) - _MOST_LINES} more."] if len(lines) > _MOST_LINES else []
    return "\n".join([*lines[:_MOST_LINES], *rest, f"{incident.id}: {incident.title}"])


def _is_running(entry: Entry) -> bool:
    return entry.kind is AudienceKind.LATE and entry.ended_at is None


def _due(record: Record) -> Due:
    return record["asset"], datetime.fromisoformat(record["deadline"]).replace(second=0, microsecond=0)


def _told_of(entry: Entry) -> Due:
    """As `_will_miss` has written it."""
    opening = _OPENING.match(entry.text)
    assert opening is not None, "an entry of this kind begins so"
    return opening["asset"], datetime.strptime(opening["deadline"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def _will_miss(record: Record) -> str:
    """Whole minutes, the arrival's rounded up."""
    asset, deadline = _due(record)
    eta = datetime.fromisoformat(record["eta"]) + _ALMOST_A_MINUTE
    return f"{asset} will miss its deadline {moment(deadline)}: expected {moment(eta)} at the earliest."


def _end(due: Due, found: Record | None, built_at: datetime | None, *, since: datetime) -> str:
    """Nothing while it is not known to be in time."""
    asset, deadline = due
    if built_at is not None and since < built_at < deadline:
        return f"{asset} was built {moment(built_at)}, before its deadline {moment(deadline)}."
    if found is None or found["eta"] is None or found["verdict"] == Verdict.MISSED:
        return ""
    eta = datetime.fromisoformat(found["eta"])
    return f"{asset} is expected {moment(eta)} after all, before its deadline {moment(deadline)}."


def _entry(recipient: str, text: str, ledger: Iterable[Entry], *, now: datetime) -> Entry:
    rounds = [e.round for e in ledger if e.recipient == recipient and e.kind is AudienceKind.LATE]
    return Entry(recipient=recipient, kind=AudienceKind.LATE, round=max(rounds, default=0) + 1, at=now, text=text)
