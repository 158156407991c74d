"""What is said of columns when part of the lineage is hidden, beside what is true."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.lineage import AssetGraph
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef

ASSETS = "abcdef"
COLUMNS = [ColumnRef(asset=asset, column=name) for asset in ASSETS for name in "xy"]


@dataclass(frozen=True)
class World:
    """Which column is truly built from which, and the assets that do not tell."""

    sources: dict[ColumnRef, list[ColumnRef]]
    silent: set[str]

    @property
    def assets(self) -> AssetGraph:
        pairs = ((source.asset, column.asset) for column, found in self.sources.items() for source in found)
        return AssetGraph.from_edges(pairs, nodes=ASSETS)

    def told(self) -> ColumnGraph:
        return ColumnGraph.from_lineage(
            {
                asset: {column.column: found for column, found in self.sources.items() if column.asset == asset}
                for asset in ASSETS
                if asset not in self.silent
            }
        )

    def truly_uses(self, asset: str, bad: ColumnRef) -> bool:
        return any(self._comes_from(column, bad) for column in COLUMNS if column.asset == asset)

    def _comes_from(self, column: ColumnRef, bad: ColumnRef) -> bool:
        return column == bad or any(self._comes_from(source, bad) for source in self.sources[column])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    sources = {
        column: draw(st.lists(st.sampled_from([c for c in COLUMNS if c.asset < column.asset]), max_size=2))
        if column.asset > "a"
        else []
        for column in COLUMNS
    }
    return World(sources, draw(st.sets(st.sampled_from(ASSETS), max_size=3)))


@given(worlds())
def test_what_is_said_for_certain_is_true_whatever_is_hidden(world: World) -> None:
    told, assets = world.told(), world.assets
    for bad in COLUMNS:
        for asset in ASSETS:
            truth = world.truly_uses(asset, bad)
            assert told.uses(asset, [bad], graph=assets) in (None, truth)
            assert told.uses(asset, [bad]) in (None, truth)


@given(worlds(), st.sampled_from(COLUMNS))
def test_where_all_is_told_nothing_is_left_open(world: World, bad: ColumnRef) -> None:
    told = World(world.sources, set()).told()
    for asset in filter(told.knows, ASSETS):
        if all(told.knows(above) for above in world.assets.ancestors(asset) & world.assets.descendants(bad.asset)):
            assert told.uses(asset, [bad], graph=world.assets) is world.truly_uses(asset, bad)


@given(worlds(), st.sampled_from(COLUMNS))
def test_dropping_a_column_puts_every_asset_downstream_into_one_class(world: World, column: ColumnRef) -> None:
    told, assets = world.told(), world.assets
    if told.columns_of(column.asset) and column.column not in told.columns_of(column.asset):
        return
    breakage = told.impact_of_dropping(column, assets)
    classes = [*breakage.assets, *(m.asset for m in breakage.may_use), *(u.asset for u in breakage.unaffected)]
    assert sorted(classes) == sorted(assets.descendants(column.asset))
    for built in breakage.columns:
        assert built.path[0] == column
        assert all(above in world.sources[below] for above, below in zip(built.path, built.path[1:], strict=False))
