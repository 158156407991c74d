"""What changed between two column schemas: added, removed, renamed, retyped."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from incident_ops.core.column_types import is_vague, same_type
from incident_ops.core.provenance import Column

MOST_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDiff:
    """Names in the order of the schemas; `renamed` is a proposal, as (before, after); `retyped` as
    (name, type before, type after)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.is_breaking)

    @property
    def is_breaking(self) -> bool:
        """A reader that names its columns can fail by it; an added column does no harm."""
        return bool(self.removed or self.renamed or self.retyped)

    @property
    def lost(self) -> frozenset[str]:
        """The columns that no longer are what they were, by their names before."""
        return frozenset(
            (*self.removed, *(old for old, _ in self.renamed), *(name for name, _, _ in self.retyped))
        )

    def __str__(self) -> str:
        parts = [
            ("removed", [*self.removed]),
            ("renamed, it seems,", [f"{old} → {new}" for old, new in self.renamed]),
            ("retyped", [f"{name} {old} → {new}" for name, old, new in self.retyped]),
            ("added", [*self.added]),
        ]
        return "; ".join(f"columns {verb} {_listed(names)}" for verb, names in parts if names)


def schema_diff(before: Sequence[Column], after: Sequence[Column]) -> SchemaDiff:
    """Compare two schemas by name, and types by what they mean (`same_type`).

    A column that vanished and one that appeared are proposed as a renaming when they have the same type and stand
    in the same place: after as many of the columns that both schemas have.
    """
    old, new = {c.name: c.type for c in before}, {c.name: c.type for c in after}
    renamed = _renamed(before, after)
    gone, come = dict(renamed), {b for _, b in renamed}
    return SchemaDiff(
        added=tuple(name for name in new if name not in old and name not in come),
        removed=tuple(name for name in old if name not in new and name not in gone),
        renamed=renamed,
        retyped=tuple(
            (name, old[name], new[name]) for name in old if name in new and not same_type(old[name], new[name])
        ),
    )


def with_known_types(after: Sequence[Column], before: Sequence[Column]) -> tuple[Column, ...]:
    """`after`, with the types of `before` where its own are vague and may be the same: a column without any value
    has not lost its type."""
    old = {column.name: column.type for column in before}
    return tuple(
        Column(name=column.name, type=old[column.name])
        if is_vague(column.type) and column.name in old and same_type(old[column.name], column.type)
        else column
        for column in after
    )


def _renamed(before: Sequence[Column], after: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    candidates = _by_place(after, kept={c.name for c in before})
    pairs: list[tuple[str, str]] = []
    for place, gone in _by_place(before, kept={c.name for c in after}).items():
        come = candidates.get(place, [])
        for column in gone:
            alike = next((other for other in come if same_type(column.type, other.type)), None)
            if alike is not None:
                come.remove(alike)
                pairs.append((column.name, alike.name))
    return tuple(pairs)


def _by_place(columns: Sequence[Column], *, kept: set[str]) -> dict[int, list[Column]]:
    """How many kept columns stand before → the columns that are not kept."""
    found: defaultdict[int, list[Column]] = defaultdict(list)
    passed = 0
    for column in columns:
        if column.name in kept:
            passed += 1
        else:
            found[passed].append(column)
    return dict(found)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
