"""Who of those that use the data is told that it is bad, and that it is good again: the ledger's next entries.

Consumers of tainted data hear once at the start and once at the end. Owners of assets at risk get one note to hold
still. Nobody else hears of it; a deadline that will be missed is `forecast.notes`'s. Who is tainted is `impact`'s
business, how a notice travels the outbox's.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from incident_ops.core.impact import Hit, Impact, Reached
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.core.status import Resolution


class AudienceKind(StrEnum):
    START = "start"
    HOLD = "hold"
    END = "end"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One notice to one recipient (an e-mail address or `team:x`), kept for good.

    Attributes:
        round: 1 for the first of its kind to this recipient about this incident; data that is healed may be
            tainted again.
        text: what the recipient was told.
        ended_at: of a start, when its all-clear was given; of a hold, when it was lifted; of a deadline that will
            be missed (`forecast.notes`), when it had passed or was made after all.
    """

    recipient: str
    kind: AudienceKind
    round: int
    at: datetime
    text: str
    ended_at: datetime | None = None


Running = tuple[str, Entry]
"""A start or hold that has no end yet, and the incident it is about (`INC-7`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What the ledger gains: new entries, starts that are over now, and holds that are, each with the text that
    tells so."""

    new: tuple[Entry, ...] = ()
    ended: tuple[Entry, ...] = ()
    lifted: tuple[tuple[Entry, str], ...] = ()


_NOT_BAD = frozenset({Resolution.EXPECTED, Resolution.FALSE_POSITIVE, Resolution.NO_ACTION})
"""Reasons by which a person says that the data may be used as it is."""


def owed(
    incident: Incident,
    impact: Impact,
    ledger: Sequence[Entry],
    *,
    owners_of: Callable[[str], Collection[str]],
    informed: Collection[str] = (),
    elsewhere: Collection[Running] = (),
    is_quiet: bool = False,
    now: datetime,
) -> Owed:
    """The next entries of an incident's ledger.

    Args:
        owners_of: asset → its owners.
        informed: owners who have the incident itself.
        elsewhere: what the same recipients have been told because of other incidents, and not heard the end of.
        is_quiet: nobody is pushed for this incident (a WARN, a backlog): nothing begins; what began, ends.
    """
    running = [e for e in ledger if e.kind is AudienceKind.START and e.ended_at is None]
    held = [e for e in ledger if e.kind is AudienceKind.HOLD and e.ended_at is None]
    hearing = {e.recipient for e in running}
    reached = _by_consumer(impact.consumers) if _may_be_bad(incident) else {}
    at_risk = _by_owner(impact.at_risk, owners_of) if incident.is_open else {}
    in_danger = _by_owner(_taking_in_bad(impact), owners_of) if _may_be_bad(incident) else {}
    new: list[Entry] = []
    if not is_quiet:
        for recipient, uses in reached.items():
            if recipient not in hearing:
                new.append(_entry(recipient, AudienceKind.START, _start_text(incident, uses), ledger, now=now))
        for owner, assets in at_risk.items():
            is_told = owner in reached or owner in informed or owner in {e.recipient for e in held}
            if not is_told and owner not in hearing:
                new.append(_entry(owner, AudienceKind.HOLD, _hold_text(incident, assets), ledger, now=now))
    ended = [replace(e, ended_at=now) for e in running if e.recipient not in reached]
    for entry in ended:  # of two starts (two incidents that were merged) each has its end, told in one message
        starts = [e for e in ended if e.recipient == entry.recipient]
        text = _end_text(incident, starts, elsewhere)
        new.append(_entry(entry.recipient, AudienceKind.END, text, [*ledger, *new], now=now))
    tainted = _by_owner(impact.tainted, owners_of)
    lifted = [
        (replace(e, ended_at=now), _lifted_text(incident, e, tainted.get(e.recipient, ()), elsewhere))
        for e in held
        if e.recipient not in in_danger
    ]
    return Owed(new=tuple(new), ended=tuple(ended), lifted=tuple(lifted))


def _may_be_bad(incident: Incident) -> bool:
    """Until a person says that it is not bad: an incident may end before everything downstream is rebuilt."""
    return incident.resolution not in _NOT_BAD


def _by_consumer(reached: Iterable[Reached]) -> dict[str, list[Reached]]:
    by_consumer: defaultdict[str, list[Reached]] = defaultdict(list)
    for use in reached:
        by_consumer[use.consumer].append(use)
    return dict(sorted(by_consumer.items()))


def _taking_in_bad(impact: Impact) -> Iterable[Hit]:
    """What is to wait: at risk, perhaps at risk, or built in spite of it."""
    return (hit for hit in (*impact.at_risk, *impact.in_doubt, *impact.tainted) if hit.takes_in_bad)


def _by_owner(hits: Iterable[Hit], owners_of: Callable[[str], Collection[str]]) -> dict[str, list[str]]:
    """Owner → what is hit of theirs, with its partitions."""
    by_owner: defaultdict[str, list[str]] = defaultdict(list)
    for hit in hits:
        for owner in owners_of(hit.asset):
            partitions = f" [{_listed(hit.partitions)}]" if hit.partitions else ""
            by_owner[owner].append(f"{hit.asset}{partitions}")
    return dict(sorted(by_owner.items()))


def _entry(recipient: str, kind: AudienceKind, text: str, ledger: Sequence[Entry], *, now: datetime) -> Entry:
    rounds = [e.round for e in ledger if e.recipient == recipient and e.kind is kind]
    return Entry(recipient=recipient, kind=kind, round=max(rounds, default=0) + 1, at=now, text=text)


def _start_text(incident: Incident, uses: Sequence[Reached]) -> str:
    """What, since when, which partitions, why, and what to do."""
    assets = ", ".join(dict.fromkeys(use.asset for use in uses))
    since = min((use.since for use in uses if use.since is not None), default=incident.started_at)
    partitions = sorted({partition for use in uses for partition in use.partitions})
    lines = [f"{assets}: the data has been bad since {moment(since)} ({incident.id})."]
    if partitions:
        lines.append(f"Partitions: {_listed(partitions)}.")
    lines += [f"Why: {_sentence(use.reason)}" for use in uses[:_MOST_REASONS]]
    if len(uses) > _MOST_REASONS:
        lines.append(f"and {len(uses) - _MOST_REASONS} more ways in which it reaches you.")
    lines.append("What to do: do not rely on figures from this time on until the all-clear, which you will get.")
    return "\n".join(lines)


def _hold_text(incident: Incident, assets: Sequence[str]) -> str:
    return (
        f"{_listed(sorted(assets))}: there is bad data in what it is built from ({incident.id}: {incident.title})."
        " What it holds now did not come of that.\n"
        "What to do: hold the next build until this note is lifted."
    )


def _end_text(incident: Incident, starts: Sequence[Entry], elsewhere: Collection[Running]) -> str:
    """`starts` are all that one recipient has been told, some perhaps by incidents that were merged into it."""
    mine = list(dict.fromkeys(asset for start in starts for asset in _assets_of(start)))
    what, which = ", ".join(mine), _with_those_taken_in(incident, starts)
    if still := _still(starts[0], mine, elsewhere):
        assets, others = still
        return (
            f"{what}: {incident.id} is over for it, but {_listed(assets)} is still bad ({others}).\n"
            "What to do: wait for the all-clear of the latter."
        )
    if not _may_be_bad(incident):
        return f"{what}: all clear ({which}). It was looked at and closed as {_said(incident)}."
    return f"{what}: all clear ({which}). The data is good again; it was bad since your first notice."


def _lifted_text(incident: Incident, hold: Entry, tainted: Sequence[str], elsewhere: Collection[Running]) -> str:
    """`tainted` are the recipient's assets that hold bad data now."""
    mine = _assets_of(hold)
    what = ", ".join(mine)
    if still := _still(hold, mine, elsewhere):
        assets, others = still
        return f"{what}: {incident.id} stands in the way no longer, but keep holding {_listed(assets)} ({others})."
    if not _may_be_bad(incident):
        return f"{what}: you can build again. {incident.id} was looked at and closed as {_said(incident)}."
    text = f"{what}: you can build again ({incident.id}). What it is built from is good."
    if tainted:
        text += f"\nWhat to do: build {_listed(tainted)} again, which took in bad data meanwhile."
    return text


def _assets_of(entry: Entry) -> list[str]:
    """The first line of a start and of a hold begins with the assets, each perhaps with its partitions."""
    beginning = _AFTER_ASSETS.split(entry.text, maxsplit=1)[0]
    return _PARTITIONS.sub("", beginning).split(", ")


_AFTER_ASSETS = re.compile(r": (?:the data has been bad|there is bad data in)\b")
_PARTITIONS = re.compile(r" \[[^]]*]")


def _with_those_taken_in(incident: Incident, starts: Sequence[Entry]) -> str:
    """The incidents that the recipient has been told of; the first line of a start ends with its incident."""
    told = dict.fromkeys(start.text.splitlines()[0].rpartition("(")[2].rstrip(").") for start in starts)
    others = [number for number in told if number != incident.id]
    return f"{incident.id}, which has taken in {', '.join(others)}" if others else incident.id


def _still(entry: Entry, mine: Sequence[str], elsewhere: Collection[Running]) -> tuple[list[str], str] | None:
    """Those of `mine` of which the recipient waits to hear the end because of other incidents, and which."""
    others = {
        number: shared
        for number, other in elsewhere
        if (other.recipient, other.kind) == (entry.recipient, entry.kind)
        and (shared := set(mine) & set(_assets_of(other)))
    }
    if not others:
        return None
    return [asset for asset in mine if any(asset in shared for shared in others.values())], ", ".join(others)


def _said(incident: Incident) -> str:
    return str(incident.resolution).replace("_", " ")


_MOST_REASONS = 5
_MOST_LISTED = 10


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_LISTED])
    return shown if len(names) <= _MOST_LISTED else f"{shown} and {len(names) - _MOST_LISTED} more"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
