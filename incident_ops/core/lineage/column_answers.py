"""What column lineage answers, as values. How it is found is `columns`'s."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ColumnRef:
    """A column of an asset (key written `a/b`)."""

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltColumn:
    """A column proven to be built from another, with a shortest way from that one, both ends included."""

    column: ColumnRef
    path: tuple[ColumnRef, ...]

    @property
    def hops(self) -> int:
        return len(self.path) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MayUse:
    """An asset of which it is not known whether it uses the column, because `because` (the asset itself, or one
    on the way to it) does not tell where its columns come from."""

    asset: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unaffected:
    """An asset downstream of which no column is built from the one in question.

    Attributes:
        is_told: its own column lineage says so; else all that it is built from is unaffected.
        unsourced: those of its columns for which the lineage names no source: constants and counts of rows, but
            also what dagster-dbt could not trace.
    """

    asset: str
    is_told: bool
    unsourced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """What becomes of everything downstream when a column goes. Every asset downstream is in exactly one of
    `columns` (nearest first), `may_use` and `unaffected` (both upstream first)."""

    column: ColumnRef
    columns: tuple[BuiltColumn, ...]
    may_use: tuple[MayUse, ...]
    unaffected: tuple[Unaffected, ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """Those with a column that is built from it, nearest first."""
        return tuple(dict.fromkeys(built.column.asset for built in self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far some columns are known to reach.

    Attributes:
        columns: every column built from them, and they themselves, each with the column before it on a shortest
            way (None for themselves), nearest first.
        may_use: the assets that may use them, and the asset without column lineage that is to blame.
    """

    columns: Mapping[ColumnRef, ColumnRef | None]
    may_use: Mapping[str, str]

    def path_to(self, column: ColumnRef) -> tuple[ColumnRef, ...]:
        way = [column]
        while (before := self.columns[way[-1]]) is not None:
            way.append(before)
        return tuple(reversed(way))
