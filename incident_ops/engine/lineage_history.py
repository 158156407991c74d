"""What of the history a question about lineage needs: as little as answers it."""

from collections.abc import Collection

from incident_ops.core.lineage.graph import AssetGraph
from incident_ops.core.provenance import Materialization
from incident_ops.engine.lineage import splits
from incident_ops.engine.ports import History

RECORDS_LOOKED_AT = 10
"""Of an asset whose newest does not tell its columns (built with them switched off, or reported by hand)."""

Records = list[Materialization]


def for_show(written: str, graph: AssetGraph, history: History) -> Records:
    """The asset's own; for a column its neighbours' too."""
    if written in graph:
        return _with_readers_of_the_silent({written}, graph, history)
    asked = {place.asset for place in splits(written, graph)}
    around = (graph.parents(asset) | graph.children(asset) for asset in asked)
    return _recent(asked.union(*around), history)


def for_impact(written: str, graph: AssetGraph, history: History) -> Records:
    """Nothing for an asset. For a column those of every asset: one that the graph does not place downstream may
    say that it is built from it."""
    asked = written not in graph and splits(written, graph)
    return _recent(graph.keys, history) if asked else []


def for_upstream(written: str, graph: AssetGraph, history: History) -> Records:
    """Nothing for an asset; for a column those that its trace can lead to."""
    asked = {place.asset for place in splits(written, graph) if written not in graph}
    found = _with_readers_of_the_silent(asked, graph, history)
    seen = set(asked)
    newest = [record for record in found if record.asset in asked]
    while ahead := _sources(newest) - seen:
        seen |= ahead
        newest = _recent(ahead, history)
        found += newest
    return found


def _with_readers_of_the_silent(assets: Collection[str], graph: AssetGraph, history: History) -> Records:
    """Of an asset that does not tell its columns those are known that others are built from."""
    found = _recent(assets, history)
    telling = {r.asset for r in found if r.columns is not None or r.column_lineage is not None}
    silent = set(assets) - telling
    return found + _recent(set[str]().union(*map(graph.children, silent)), history)


def _recent(assets: Collection[str], history: History) -> Records:
    newest = history.latest_of(assets)
    untold = {r.asset for r in newest if r.columns is None or r.column_lineage is None}
    return [*newest, *history.latest_of(untold, limit=RECORDS_LOOKED_AT)]


def _sources(records: Records) -> set[str]:
    return {
        source.asset
        for record in records
        for sources in (record.column_lineage or {}).values()
        for source in sources
    }
