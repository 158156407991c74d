"""What is asked of the lineage: an asset's neighbours, all that hangs on it, all that it hangs on.

Records for machines, drawn from the catalog and the column lineage; `terminal_lineage` draws them for people. An
asset stands once in each list, `via` naming the nearer asset (first by key) over which it is reached in `hops`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import TIER_TAG, Catalog
from incident_ops.core.errors import UnknownAsset
from incident_ops.core.lineage.columns import Breakage, ColumnGraph, ColumnRef
from incident_ops.core.lineage.graph import AssetGraph
from incident_ops.core.lineage.spelling import Names, close_to
from incident_ops.core.provenance import Materialization

NEIGHBOURHOOD = 2
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownColumns:
    """What past builds tell of the columns.

    Attributes:
        older: assets of which the newest build does not tell where its columns come from → when the one was built
            that is believed instead.
    """

    graph: ColumnGraph
    older: Mapping[str, datetime] = field(default_factory=dict[str, datetime])


def splits(written: str, graph: AssetGraph) -> list[ColumnRef]:
    """Every asset and column that `ASSET.COLUMN` may mean, the longest key first: both may contain dots."""
    dots = [at for at, sign in enumerate(written) if sign == "." and written[at + 1 :]]
    places = (ColumnRef(asset=written[:at], column=written[at + 1 :]) for at in reversed(dots))
    return [place for place in places if place.asset in graph]


def asked_for(written: str, catalog: Catalog, columns: ColumnGraph) -> tuple[str, ColumnRef | None]:
    """The asset, or its column, that `ASSET` or `ASSET.COLUMN` means.

    A key that is written like that wins; then a column that is known, then one of an asset whose columns nobody
    knows.

    Raises:
        UnknownAsset: there is no such asset, neither with nor without what follows a dot.
        UnknownColumn: there is, and its columns are known, but it has no such column.
    """
    graph = catalog.graph
    if written in graph:
        return written, None
    places = splits(written, graph)
    for place in sorted(places, key=lambda place: _doubt(place, columns)):
        return place.asset, columns.resolve(place, graph=graph)
    asset, dot, _ = written.rpartition(".")
    near = close_to(written, graph.keys)
    raise UnknownAsset(written, close=near or (close_to(asset, graph.keys) if dot else ()))


def _doubt(place: ColumnRef, columns: ColumnGraph) -> int:
    if columns.is_met(place):
        return 0
    return 1 if columns.may_have(place) else 2


def columns_told(records: Iterable[Materialization]) -> ColumnGraph:
    """The columns of assets and where they come from, each as its newest record that tells it says. A column that
    a newer schema does not have is gone."""
    return known_columns(records).graph


def known_columns(records: Iterable[Materialization]) -> KnownColumns:
    """The same, and which of it is not of the newest record."""
    newest: dict[str, Materialization] = {}
    lineage: dict[str, Materialization] = {}
    schema: dict[str, Materialization] = {}
    for record in sorted(records, key=lambda r: (r.at, r.id)):  # the newest has the last word
        newest[record.asset] = record
        if record.column_lineage is not None:
            lineage[record.asset] = record
        if record.columns is not None:
            schema[record.asset] = record
    names = {asset: [column.name for column in record.columns or ()] for asset, record in schema.items()}
    told: dict[str, Mapping[str, tuple[ColumnRef, ...]]] = {}
    for asset, record in lineage.items():
        said = record.column_lineage or {}
        is_old = asset in schema and schema[asset].at > record.at
        told[asset] = _still_there(said, names[asset]) if is_old else said
    believed = {**schema, **lineage}
    return KnownColumns(
        graph=ColumnGraph.from_lineage(told, schemas=names),
        older={asset: record.at for asset, record in believed.items() if record is not newest[asset]},
    )


def _still_there(
    lineage: Mapping[str, tuple[ColumnRef, ...]], names: Iterable[str]
) -> dict[str, tuple[ColumnRef, ...]]:
    there = Names(names)
    return {column: sources for column, sources in lineage.items() if there.find(column) is not None}


def show_record(written: str, catalog: Catalog, known: KnownColumns, *, hops: int = NEIGHBOURHOOD) -> Record:
    """The neighbours up to `hops` edges away.

    `{"question": "show", "asset", "column", "facts": {...}, "cycle": [...], "is_met", "as_of": {asset: time},
    "columns": [...], "sources": null | ["asset.column", …], "builds": null | [the same],
    "upstream": [{"asset", "hops", "via", "location", "owners", "tier", "kinds", "group", "consumers"}],
    "downstream": [the same], "beyond": {"upstream": n, "downstream": n}}`. `columns` are the asset's, as far as
    they are known, `sources` and `builds` what the column is built from and builds directly; `beyond` counts what
    is further away; `is_met` is false of a column that nobody has told of; `as_of` names assets whose newest build
    does not tell its columns, with the time of the one that is believed. Raises as `asked_for`.
    """
    columns = known.graph
    key, column = asked_for(written, catalog, columns)
    graph = _with_edges_of_columns(catalog.graph, columns)
    up, down = graph.hops_up(key), graph.hops_down(key)
    return {
        **_heading("show", key, column, catalog, graph),
        "is_met": column is None or columns.is_met(column),
        "as_of": _as_of(known, [key]),
        "columns": sorted(columns.columns_of(key)),
        "sources": [str(source) for source in columns.sources(column)] if column else None,
        "builds": [str(built) for built in columns.builds(column)] if column else None,
        "upstream": _listed(_within(up, hops), key, graph.children, catalog),
        "downstream": _listed(_within(down, hops), key, graph.parents, catalog),
        "beyond": {
            "upstream": sum(far > hops for far in up.values()),
            "downstream": sum(far > hops for far in down.values()),
        },
    }


def impact_record(written: str, catalog: Catalog, known: KnownColumns) -> Record:
    """All that is built from the asset, and whom it concerns; for a column what breaks if it is dropped.

    `{"question": "impact", "asset", "column", "facts", "cycle", "is_met", "as_of", "downstream": [as in show, and
    for a column "use": "built" | "may_use" | "unaffected"], "owners": [...], "consumers": [...], "breaks": null |
    {"built": [{"asset", "column", "hops", "path": ["asset.column", …]}], "may_use": [{"asset", "because"}],
    "unaffected": [{"asset", "is_told", "unsourced": [...]}],
    "broken": [{"asset", "column", "source"}]}}`. `broken` are columns downstream that are built from one that is
    not there. Owners and consumers are those of all that is not proven unaffected, the asset's own consumers
    included. Raises as `asked_for`.
    """
    columns = known.graph
    key, column = asked_for(written, catalog, columns)
    graph = _with_edges_of_columns(catalog.graph, columns)
    listed = _listed(graph.hops_down(key), key, graph.parents, catalog)
    breakage = columns.impact_of_dropping(column, graph) if column else None
    if breakage is not None:
        use = _uses(breakage)
        listed = [{**item, "use": use[item["asset"]]} for item in listed]
    concerned = [item for item in listed if item.get("use") != "unaffected"]
    below = [item["asset"] for item in listed]
    return {
        **_heading("impact", key, column, catalog, graph),
        "is_met": column is None or columns.is_met(column),
        "as_of": _as_of(known, [key, *below]),
        "downstream": listed,
        "owners": _distinct(concerned, "owners"),
        "consumers": _distinct([_facts(key, catalog), *concerned], "consumers"),
        "breaks": {**_breakage(breakage), "broken": _broken(below, columns)} if breakage else None,
    }


def upstream_record(written: str, catalog: Catalog, known: KnownColumns) -> Record:
    """All that the asset is built from; for a column the columns that it is built from.

    `{"question": "upstream", "asset", "column", "facts", "cycle", "is_met", "as_of", "upstream": [as in show],
    "sources": null | [{"asset", "column", "hops"}], "silent": [...], "missing": [{"asset", "column",
    "is_asset"}]}`: `silent` are the assets at which the column's trace ends although they are built from others,
    for want of column lineage; `missing` are columns of the trace that are not there, or whose asset is not.
    Raises as `asked_for`.
    """
    columns = known.graph
    key, column = asked_for(written, catalog, columns)
    graph = _with_edges_of_columns(catalog.graph, columns)
    sources = columns.upstream(column) if column else {}
    trace = [*([column] if column else []), *sources]
    return {
        **_heading("upstream", key, column, catalog, graph),
        "is_met": column is None or columns.is_met(column),
        "as_of": _as_of(known, (ref.asset for ref in trace)),
        "upstream": _listed(graph.hops_up(key), key, graph.children, catalog),
        "sources": [_column(source, far) for source, far in sources.items()] if column else None,
        "silent": list(dict.fromkeys(ref.asset for ref in trace if _ends_in_silence(ref, graph, columns))),
        "missing": [
            {"asset": ref.asset, "column": ref.column, "is_asset": ref.asset in catalog.graph}
            for ref in trace
            if ref.asset not in catalog.graph or not columns.may_have(ref)
        ],
    }


def _ends_in_silence(ref: ColumnRef, graph: AssetGraph, columns: ColumnGraph) -> bool:
    return columns.may_have(ref) and not columns.explains(ref) and bool(graph.parents(ref.asset))


def _with_edges_of_columns(graph: AssetGraph, columns: ColumnGraph) -> AssetGraph:
    """With the edges that only the column lineage tells of: what an asset says it is built from is proven, whether
    its definition names it or not."""
    further = {(up, down) for up, down in columns.asset_edges() if up not in graph.parents(down)}
    if not further:
        return graph
    declared = ((key, child) for key in graph.keys for child in graph.children(key))
    return AssetGraph.from_edges((*declared, *sorted(further)), nodes=graph.keys)


def _as_of(known: KnownColumns, assets: Iterable[str]) -> dict[str, str]:
    return {asset: known.older[asset].isoformat() for asset in dict.fromkeys(assets) if asset in known.older}


def _broken(assets: Collection[str], columns: ColumnGraph) -> list[Record]:
    return [{**_name(column), "source": str(source)} for column, source in columns.broken(frozenset(assets))]


def _heading(question: str, key: str, column: ColumnRef | None, catalog: Catalog, graph: AssetGraph) -> Record:
    cycle = graph.hops_up(key).keys() & graph.hops_down(key).keys()
    return {
        "question": question,
        "asset": key,
        "column": column.column if column else None,
        "facts": _facts(key, catalog),
        "cycle": sorted({key, *cycle}) if cycle else [],
    }


def _facts(key: str, catalog: Catalog) -> Record:
    """An asset that others are built from need not be defined anywhere: it has a key and nothing else."""
    node = catalog.get(AssetRef(key=key))
    return {
        "asset": key,
        "location": node.location if node else "",
        "owners": list(node.owners) if node else [],
        "tier": node.tags.get(TIER_TAG) if node else None,
        "kinds": list(node.kinds) if node else [],
        "group": node.group if node else "",
        "consumers": list(node.consumers) if node else [],
    }


def _listed(
    hops: Mapping[str, int], start: str, nearer: Callable[[str], set[str]], catalog: Catalog
) -> list[Record]:
    """Nearest first. `nearer` gives the neighbours of an asset on the side of the start."""
    distance = {start: 0, **hops}
    return [
        {
            **_facts(key, catalog),
            "hops": far,
            "via": min(other for other in nearer(key) if distance.get(other) == far - 1),
        }
        for key, far in hops.items()
    ]


def _within(hops: Mapping[str, int], most: int) -> dict[str, int]:
    return {key: far for key, far in hops.items() if far <= most}


def _distinct(items: Iterable[Record], name: str) -> list[str]:
    return list(dict.fromkeys(value for item in items for value in item[name]))


def _uses(breakage: Breakage) -> dict[str, str]:
    return {
        **dict.fromkeys(breakage.assets, "built"),
        **{item.asset: "may_use" for item in breakage.may_use},
        **{item.asset: "unaffected" for item in breakage.unaffected},
    }


def _breakage(breakage: Breakage) -> Record:
    return {
        "built": [
            {**_column(built.column, built.hops), "path": [str(step) for step in built.path]}
            for built in breakage.columns
        ],
        "may_use": [{"asset": item.asset, "because": item.because} for item in breakage.may_use],
        "unaffected": [
            {"asset": item.asset, "is_told": item.is_told, "unsourced": list(item.unsourced)}
            for item in breakage.unaffected
        ],
    }


def _column(column: ColumnRef, hops: int) -> Record:
    return {**_name(column), "hops": hops}


def _name(column: ColumnRef) -> Record:
    return {"asset": column.asset, "column": column.column}
