"""Column lineage: which column is built from which, and what that proves.

It is known only where an asset's newest materialization says so (`dagster/column_lineage`), and it holds what the
values of a column are computed from. It holds no filter and no join: an asset may need a column that none of its
own is built from. Nothing here reads metadata; a column that is not known is never taken for one that is.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from incident_ops.core.errors import UnknownAsset, UnknownColumn
from incident_ops.core.lineage.column_answers import (
    Breakage,
    BuiltColumn,
    ColumnRef,
    MayUse,
    Reach,
    Unaffected,
)
from incident_ops.core.lineage.graph import AssetGraph
from incident_ops.core.lineage.spelling import Names, close_to, one_spelling_each


class ColumnGraph:
    """The column lineage of all assets that tell it.

    Names are compared as they are written. Only where an asset has no such column are upper and lower case the
    same (databases fold case, each in its way), and only if that leaves a single column.
    """

    def __init__(
        self,
        sources: Mapping[ColumnRef, tuple[ColumnRef, ...]],
        columns: Mapping[str, Names],
        *,
        declared: Iterable[str],
    ) -> None:
        self._sources, self._columns = sources, columns
        self._declared = frozenset(declared)
        self._built: defaultdict[ColumnRef, list[ColumnRef]] = defaultdict(list)
        told: defaultdict[str, set[str]] = defaultdict(set)
        for column in sorted(sources):
            told[column.asset].add(column.column)
            for source in sources[column]:
                self._built[source].append(column)
        self._knowing = frozenset(column.asset for column, found in sources.items() if found)
        untold = {
            asset: names.all - told[asset] if asset in self._knowing else names.all
            for asset, names in columns.items()
        }
        self._untold = {asset: sorted(names) for asset, names in untold.items() if names}

    @classmethod
    def from_lineage(
        cls,
        lineage: Mapping[str, Mapping[str, Iterable[ColumnRef]]],
        *,
        schemas: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> "ColumnGraph":
        """From what the newest materialization of each asset says.

        Args:
            lineage: by asset, by column, the columns it is computed from. Assets without column lineage are not
                in it.
            schemas: by asset, all its columns, where they are known. One that is missing in the asset's lineage
                makes what is known of the asset incomplete.
        """
        said = {asset: {name: tuple(found) for name, found in of.items()} for asset, of in lineage.items()}
        mentioned: defaultdict[str, set[str]] = defaultdict(set)
        for source in (source for of in said.values() for found in of.values() for source in found):
            mentioned[source.asset].add(source.column)
        declared = {
            asset: _declared(said.get(asset, {}), frozenset(schemas.get(asset, ())))
            for asset in dict.fromkeys((*said, *schemas))
        }
        columns = {
            asset: Names(declared.get(asset) or one_spelling_each(mentioned[asset]))
            for asset in dict.fromkeys((*declared, *mentioned))
        }

        def meant(source: ColumnRef) -> ColumnRef:
            name = columns[source.asset].find(source.column)
            return source if name is None else ColumnRef(asset=source.asset, column=name)

        sources: dict[ColumnRef, tuple[ColumnRef, ...]] = {}
        for asset, of in said.items():
            for name, found in of.items():
                column = ColumnRef(asset=asset, column=name)
                sources[column] = tuple(sorted({meant(source) for source in found} - {column}))
        return cls(sources, columns, declared=(asset for asset, names in declared.items() if names))

    def knows(self, asset: str) -> bool:
        """The asset tells where its columns come from. One that names no source for any of them tells nothing:
        that is what dagster-dbt writes of a model it could not read."""
        return asset in self._knowing

    def columns_of(self, asset: str) -> frozenset[str]:
        """Its columns, as its schema and lineage tell them, else those that others are built from."""
        return self._columns[asset].all if asset in self._columns else frozenset()

    def resolve(self, column: ColumnRef, *, graph: AssetGraph | None = None) -> ColumnRef:
        """The column as the asset writes it. Of an asset that does not tell its columns any may exist, not only
        those that others name.

        Raises:
            UnknownAsset: `graph` is given, and neither it nor the column lineage has the asset.
            UnknownColumn: the asset's columns are known and it is none of them.
        """
        names = self._columns.get(column.asset)
        if names is None and graph is not None and column.asset not in graph:
            raise UnknownAsset(column.asset, close=close_to(column.asset, {*self._columns, *graph.keys}))
        found = names.find(column.column) if names else None
        if found is not None:
            return ColumnRef(asset=column.asset, column=found)
        if names is not None and column.asset in self._declared:
            raise UnknownColumn(column.asset, column.column, known=sorted(names.all))
        return column

    def has(self, column: ColumnRef) -> bool:
        """The asset has the column, as far as is known: of one of which nobody names a column any may exist."""
        names = self._columns.get(column.asset)
        return names is None or not names.all or names.find(column.column) is not None

    def may_have(self, column: ColumnRef) -> bool:
        """The same, but of one that does not tell its columns itself any may exist, whatever others name."""
        return column.asset not in self._declared or self.is_met(column)

    def is_met(self, column: ColumnRef) -> bool:
        """The asset tells that it has the column, or another one that it is built from it."""
        names = self._columns.get(column.asset)
        return names is not None and names.find(column.column) is not None

    def explains(self, column: ColumnRef) -> bool:
        """The asset tells where the column comes from, be it from nowhere (a constant)."""
        return self.knows(column.asset) and column in self._sources

    def sources(self, column: ColumnRef) -> tuple[ColumnRef, ...]:
        """The columns that it is built from directly. Raises as `resolve`."""
        return self._sources.get(self.resolve(column), ())

    def builds(self, column: ColumnRef) -> tuple[ColumnRef, ...]:
        """The columns that are built from it directly. Raises as `resolve`."""
        return tuple(self._built.get(self.resolve(column), ()))

    def asset_edges(self) -> set[tuple[str, str]]:
        """(upstream, downstream) of all assets of which one has a column built from one of the other."""
        edges = {(source.asset, column.asset) for column, found in self._sources.items() for source in found}
        return {(up, down) for up, down in edges if up != down}

    def broken(self, assets: Collection[str]) -> list[tuple[ColumnRef, ColumnRef]]:
        """The columns of these assets that are built from one that its asset does not have, each with that one."""
        return [
            (column, source)
            for column, found in self._sources.items()
            if column.asset in assets
            for source in found
            if not self.may_have(source)
        ]

    def upstream(self, column: ColumnRef) -> dict[ColumnRef, int]:
        """Every column that it is built from and the hops up to it, nearest first. Raises as `resolve`."""
        return _hops(self._sources_of([self.resolve(column)]))

    def downstream(self, column: ColumnRef) -> dict[ColumnRef, int]:
        """Every column that is built from it and the hops down to it, nearest first. Raises as `resolve`."""
        return _hops(self._built_from([self.resolve(column)]))

    def affected_columns(self, bad: Iterable[ColumnRef]) -> set[ColumnRef]:
        """The columns themselves and every column built from them. Raises as `resolve`."""
        return set(self._built_from(self.resolve(column) for column in bad))

    def uses(self, asset: str, bad: Iterable[ColumnRef], *, graph: AssetGraph | None = None) -> bool | None:
        """Does the asset have a column that is one of the bad ones, or built from one? None: it is not known.

        Without `graph` any asset that tells nothing may pass on what is bad; with it, only those downstream of
        the bad. For many assets ask `reach` once.
        """
        bad = list(bad)
        if any(column.asset in self._columns and not self.is_met(column) for column in bad):
            return None
        try:
            reach = self.reach(bad, graph=graph)
        except (UnknownAsset, UnknownColumn):
            return None
        if any(column.asset == asset for column in reach.columns):
            return True
        is_met = self.knows(asset) or (graph is not None and asset in graph)
        return None if asset in reach.may_use or not is_met else False

    def reach(self, bad: Iterable[ColumnRef], *, graph: AssetGraph | None = None) -> Reach:
        """How far the columns reach for certain, and how far perhaps. Raises as `resolve`.

        What is not known is passed on as follows: an asset that does not tell where (all) its columns come from
        may use what any of its parents has; the columns that it does not explain may pass it on.
        """
        roots = [self.resolve(column, graph=graph) for column in bad]
        proven = self._built_from(roots)
        if graph is None:
            above = {column.asset for column in self._sources_of(roots)}
            suspects = [asset for asset in self._untold if asset not in above]
            return Reach(columns=proven, may_use=self._passed_on(proven, suspects, lambda asset: ()))
        origins = {column.asset for column in roots}

        def silent_children(asset: str) -> list[str]:
            return sorted(child for child in graph.children(asset) - origins if not self._tells_all(child))

        affected = dict.fromkeys(column.asset for column in proven)
        suspects = [child for asset in affected for child in silent_children(asset)]
        return Reach(columns=proven, may_use=self._passed_on(proven, suspects, silent_children))

    def _passed_on(
        self,
        proven: Mapping[ColumnRef, ColumnRef | None],
        suspects: Iterable[str],
        silent_children: Callable[[str], Iterable[str]],
    ) -> dict[str, str]:
        """By asset that may use what the suspects may have, the asset without column lineage that is to blame."""
        blamed = {asset: asset for asset in suspects}
        waiting = deque(blamed)
        perhaps = set(proven)

        def blame(asset: str, because: str) -> None:
            if asset not in blamed:
                blamed[asset] = because
                waiting.append(asset)

        while waiting:
            asset = waiting.popleft()
            for child in silent_children(asset):
                blame(child, child)
            columns = [ColumnRef(asset=asset, column=name) for name in self._untold.get(asset, ())]
            while columns:
                for column in self._built.get(columns.pop(), ()):
                    if column not in perhaps:
                        perhaps.add(column)
                        columns.append(column)
                        blame(column.asset, blamed[asset])
        certain = {column.asset for column in proven}
        return {asset: because for asset, because in blamed.items() if asset not in certain}

    def impact_of_dropping(self, column: ColumnRef, asset_graph: AssetGraph) -> Breakage:
        """What breaks if the column goes: proven, not known, proven not. Raises as `resolve`.

        Filters and joins are not in column lineage: an asset that is unaffected here may still name the column.
        """
        column = self.resolve(column, graph=asset_graph)
        reach = self.reach([column], graph=asset_graph)
        built = [
            BuiltColumn(column=found, path=reach.path_to(found))
            for found in reach.columns
            if found.asset != column.asset
        ]
        broken = {found.column.asset for found in built}
        below = asset_graph.descendants(column.asset) - broken - reach.may_use.keys()
        return Breakage(
            column=column,
            columns=tuple(built),
            may_use=tuple(
                MayUse(asset=asset, because=reach.may_use[asset])
                for asset in asset_graph.topological(reach.may_use)
            ),
            unaffected=tuple(self._unaffected(asset) for asset in asset_graph.topological(below)),
        )

    def _unaffected(self, asset: str) -> Unaffected:
        if not self.knows(asset):
            return Unaffected(asset=asset, is_told=False)
        named = (ColumnRef(asset=asset, column=name) for name in sorted(self.columns_of(asset)))
        unsourced = tuple(ref.column for ref in named if not self._sources.get(ref))
        return Unaffected(asset=asset, is_told=True, unsourced=unsourced)

    def _tells_all(self, asset: str) -> bool:
        return self.knows(asset) and asset not in self._untold

    def _sources_of(self, columns: Iterable[ColumnRef]) -> dict[ColumnRef, ColumnRef | None]:
        return _walk(columns, lambda ref: self._sources.get(ref, ()))

    def _built_from(self, columns: Iterable[ColumnRef]) -> dict[ColumnRef, ColumnRef | None]:
        return _walk(columns, lambda ref: self._built.get(ref, ()))


def _declared(told: Iterable[str], schema: frozenset[str]) -> set[str]:
    """The columns of lineage and schema together. dagster-dbt tells the lineage in lower case and the schema as
    the database does: a column of the schema is the one of the lineage that differs only in case, unless that
    one stands in the schema, too."""
    names = Names(told)
    return {*names.all, *(name for name in schema if (meant := names.find(name)) is None or meant in schema)}


def _walk(
    start: Iterable[ColumnRef], following: Callable[[ColumnRef], Iterable[ColumnRef]]
) -> dict[ColumnRef, ColumnRef | None]:
    """What is reached breadth first, each with the column before it (None for the start), nearest first."""
    before: dict[ColumnRef, ColumnRef | None] = dict.fromkeys(sorted(start))
    waiting = deque(before)
    while waiting:
        here = waiting.popleft()
        for column in following(here):
            if column not in before:
                before[column] = here
                waiting.append(column)
    return before


def _hops(before: Mapping[ColumnRef, ColumnRef | None]) -> dict[ColumnRef, int]:
    hops: dict[ColumnRef, int] = {}
    for column, previous in before.items():
        hops[column] = 0 if previous is None else hops[previous] + 1
    return {column: count for column, count in hops.items() if count}
