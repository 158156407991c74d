"""Whose deadline will be missed hears of it, and hears when it will not be: the ledger's entries of kind `late`.

One entry for each owner and deadline. Owners who have the incident itself read it there. What will be missed is
`expected`'s business.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from incident_ops.core.audience import AudienceKind, Entry
from incident_ops.core.forecast.expected import Verdict
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment

Record = Mapping[str, Any]
"""An asset's deadline and arrival, as an incident's findings keep it."""

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
    before: Iterable[Record],
    ledger: Sequence[Entry],
    *,
    owners_of: Callable[[str], Collection[str]],
    informed: Collection[str] = (),
    is_quiet: bool = False,
    now: datetime,
) -> Notes:
    """The next entries.

    Args:
        before: the forecast as it was found last time.
        owners_of: asset → its owners.
        informed: owners who have the incident itself.
        is_quiet: nobody is pushed for this incident: nothing begins; what began, ends.
    """
    found = {_opening(record): record for record in forecast}
    missing = {opening: r for opening, r in found.items() if r["verdict"] == Verdict.WILL_MISS}
    known = {_opening(record): record for record in before} | found
    running = [entry for entry in ledger if entry.kind is AudienceKind.LATE and entry.ended_at is None]
    openings = [_opening_of(entry, known) for entry in running]
    told = {(entry.recipient, opening) for entry, opening in zip(running, openings, strict=True)}
    new: list[Entry] = []
    if incident.is_open and not is_quiet:
        for opening, record in missing.items():
            for owner in sorted(set(owners_of(record["asset"])) - set(informed)):
                if (owner, opening) not in told:
                    new.append(_entry(owner, _will_miss(record), [*ledger, *new], now=now))
    over = [
        (replace(entry, ended_at=now), _end(opening, known, found, incident, now))
        for entry, opening in zip(running, openings, strict=True)
        if opening not in missing or not incident.is_open
    ]
    return Notes(
        new=tuple(new),
        ended=tuple((entry, text) for entry, text in over if text),
        silent=tuple(entry for entry, text in over if not text),
    )


def by_owner(texts: Iterable[tuple[Entry, str]], incident: Incident) -> dict[str, tuple[Entry, str]]:
    """One message for each owner, whatever it has to tell of: the first of the entries stands for all."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    first: dict[str, Entry] = {}
    for entry, text in texts:
        lines[entry.recipient].append(text)
        first.setdefault(entry.recipient, entry)
    return {owner: (first[owner], _message(said, incident)) for owner, said in lines.items()}


def _message(lines: Sequence[str], incident: Incident) -> str:
    shown = [
        *lines[:_MOST_LINES],
        *([f"and {len(lines) - _MOST_LINES} more."] if len(lines) > _MOST_LINES else []),
    ]
    return "\n".join([*shown, f"{incident.id}: {incident.title}"])


def _opening(record: Record) -> str:
    return f"{record['asset']} will miss its deadline {moment(datetime.fromisoformat(record['deadline']))}: "


def _opening_of(entry: Entry, known: Iterable[str]) -> str:
    return next((opening for opening in known if entry.text.startswith(opening)), "")


def _will_miss(record: Record) -> str:
    """Whole minutes, the arrival's rounded up."""
    eta = datetime.fromisoformat(record["eta"]) + _ALMOST_A_MINUTE
    return f"{_opening(record)}expected {moment(eta)} at the earliest."


def _end(
    opening: str, known: Mapping[str, Record], found: Mapping[str, Record], incident: Incident, now: datetime
) -> str:
    record = known.get(opening)
    if record is None or (deadline := datetime.fromisoformat(record["deadline"])) <= now:
        return ""
    asset, due = record["asset"], f"before its deadline {moment(deadline)}"
    if incident.is_open and opening in found and record["eta"]:
        return f"{asset} is expected {moment(datetime.fromisoformat(record['eta']))} after all, {due}."
    return f"{asset} is held up no longer, {due}."


def _entry(recipient: str, text: str, ledger: Iterable[Entry], *, now: datetime) -> Entry:
    rounds = [e.round for e in ledger if e.recipient == recipient and e.kind is AudienceKind.LATE]
    return Entry(recipient=recipient, kind=AudienceKind.LATE, round=max(rounds, default=0) + 1, at=now, text=text)
