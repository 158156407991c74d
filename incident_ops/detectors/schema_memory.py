"""The columns that a schema check looked at before, kept on its evaluations, and those that are the good ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import dagster as dg

from incident_ops.core.feedback import Feedback
from incident_ops.core.provenance import Column
from incident_ops.detectors.history import Remembers
from incident_ops.detectors.remembered import (
    MOST_LOOKS,
    MOST_RECENT,
    accepts_any,
    documents,
    is_accepted,
)
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import schema_in

Columns: TypeAlias = tuple[Column, ...]

SCHEMA_METADATA = "incident_ops/schema"
VERSION = 1
MOST_BUILDS = 10
"""Builds among which the one before is looked for: one that was reported by hand may come without columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one evaluation saw.

    Attributes:
        at: when it looked.
        good: the columns that the next evaluation holds its own against: those seen, unless they were broken.
    """

    at: datetime
    seen: Columns
    good: Columns

    @property
    def is_broken(self) -> bool:
        return self.good != self.seen


def good_columns(scope: Scope, history: Remembers) -> Columns | None:
    """The last good columns: of the last look, of one that broke them and was accepted since, else of the build
    before; None where nothing is known."""
    latest = next(iter(_looks(scope, most=MOST_RECENT)), None)
    if latest is None:
        return _of_build_before(scope)
    if not latest.is_broken:
        return latest.seen
    answers = history(scope.instance).feedback(scope.check_key)
    accepted = _accepted(_looks(scope, most=MOST_LOOKS), answers) if accepts_any(answers) else None
    return accepted or latest.good


def document_of(look: Look) -> dict[str, Any]:
    """Good columns are left out where they are those seen."""
    return {
        "version": VERSION,
        "at": look.at.isoformat(),
        "seen": [[column.name, column.type] for column in look.seen],
        "good": [[column.name, column.type] for column in look.good] if look.is_broken else None,
    }


def columns_of(schema: dg.TableSchema | None) -> Columns:
    return tuple(Column(name=column.name, type=column.type) for column in schema.columns) if schema else ()


def _accepted(looks: Sequence[Look], answers: Sequence[Feedback]) -> Columns | None:
    """What the newest broken look saw that people accepted, back to the last that was not broken."""
    for look in looks:
        if not look.is_broken:
            return None
        if is_accepted(look.at, answers):
            return look.seen
    return None


def _looks(scope: Scope, *, most: int) -> list[Look]:
    """Newest first."""
    return [_look(document) for document in documents(scope, SCHEMA_METADATA, version=VERSION, most=most)]


def _look(document: Mapping[str, Any]) -> Look:
    seen = _columns(document["seen"])
    good = _columns(document["good"]) if document["good"] is not None else seen
    return Look(at=datetime.fromisoformat(document["at"]), seen=seen, good=good)


def _columns(pairs: Sequence[Sequence[str]]) -> Columns:
    return tuple(Column(name=name, type=kind) for name, kind in pairs)


def _of_build_before(scope: Scope) -> Columns | None:
    if scope.built is None:
        return None
    records = scope.instance.fetch_materializations(scope.target.key, limit=MOST_BUILDS).records
    for record in records:
        event = record.asset_materialization
        found = schema_in(event.metadata) if event and record.storage_id < scope.built.storage_id else None
        if found is not None:
            return columns_of(found)
    return None
