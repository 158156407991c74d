"""The values that columns had so far, kept on the evaluations of the check that learns them.

They are kept as text. Of a column of personal data nothing is kept; which columns are learnt is
`accepted_values`'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from incident_ops.detectors.history import Remembers
from incident_ops.detectors.remembered import MOST_LOOKS, MOST_RECENT, accepts_any, documents, is_accepted
from incident_ops.detectors.scope import Scope

ACCEPTED_METADATA = "incident_ops/accepted"
VERSION = 1
BUILDS = 7
"""Builds in a row without a new value after which a column's values are known: a week of a daily table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one column.

    Attributes:
        builds: in a row that brought no new value, the one with the last new value included.
    """

    values: tuple[str, ...]
    builds: int

    @property
    def is_learnt(self) -> bool:
        return self.builds >= BUILDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one evaluation leaves to the next.

    Attributes:
        at: when it looked.
        build: storage id of the build it looked at; None where none is known.
        known: by column.
        new: the values, by column, that were not accepted.
    """

    at: datetime
    build: int | None
    known: Mapping[str, Known]
    new: Mapping[str, Sequence[str]] = field(default_factory=dict)


def last_look(scope: Scope, history: Remembers) -> Look | None:
    """That of the evaluation before, and with it the values that people accepted since; None on the first."""
    # further back only where the last twenty could not look: a warehouse that was down for a day
    latest = next(iter(_looks(scope, most=MOST_RECENT) or _looks(scope, most=MOST_LOOKS)), None)
    answers = history(scope.instance).feedback(scope.check_key) if latest else ()
    if latest is None or not accepts_any(answers):
        return latest
    known = dict(latest.known)
    for look in _looks(scope, most=MOST_LOOKS):
        for column, values in look.new.items() if is_accepted(look.at, answers) else ():
            if column in known:
                both = dict.fromkeys([*known[column].values, *values])
                known[column] = replace(known[column], values=tuple(both))
    return replace(latest, known=known)


def document_of(look: Look) -> dict[str, Any]:
    """As it is kept on the evaluation."""
    return {
        "version": VERSION,
        "at": look.at.isoformat(),
        "build": look.build,
        "columns": {
            name: {"builds": known.builds, "accepted": list(known.values), "new": list(look.new.get(name, ()))}
            for name, known in look.known.items()
        },
    }


def _looks(scope: Scope, *, most: int) -> list[Look]:
    """Newest first."""
    return [_look(document) for document in documents(scope, ACCEPTED_METADATA, version=VERSION, most=most)]


def _look(document: Mapping[str, Any]) -> Look:
    columns: Mapping[str, Any] = document["columns"]
    return Look(
        at=datetime.fromisoformat(document["at"]),
        build=document["build"],
        known={
            name: Known(values=tuple(column["accepted"]), builds=column["builds"])
            for name, column in columns.items()
        },
        new={name: column["new"] for name, column in columns.items() if column["new"]},
    )
