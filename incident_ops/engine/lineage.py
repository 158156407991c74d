"""What is asked of the lineage: an asset's neighbours, all that hangs on it, all that it hangs on.

Records for machines, drawn from the catalog and the column lineage; `terminal_lineage` draws them for people. An
asset stands once in each list, `via` naming the nearer asset (first by key) over which it is reached in `hops`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import TIER_TAG, Catalog
from incident_ops.core.errors import UnknownAsset
from incident_ops.core.lineage.columns import Breakage, ColumnGraph, ColumnRef
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.provenance import Materialization

NEIGHBOURHOOD = 2
Record = dict[str, Any]


def asked_for(written: str, catalog: Catalog, columns: ColumnGraph) -> tuple[str, ColumnRef | None]:
    """The asset, or its column, that `ASSET` or `ASSET.COLUMN` means.

    Keys may contain dots: a key that is written like that wins; else the last dot parts asset and column.

    Raises:
        UnknownAsset: there is no such asset, neither with nor without the last dot.
        UnknownColumn: there is, and its columns are known, but it has no such column.
    """
    graph = catalog.graph
    if written in graph:
        return written, None
    asset, dot, name = written.rpartition(".")
    if dot and asset in graph:
        return asset, columns.resolve(ColumnRef(asset=asset, column=name), graph=graph)
    near = close_to(written, graph.keys)
    raise UnknownAsset(written, close=near or (close_to(asset, graph.keys) if dot else ()))


def columns_told(records: Iterable[Materialization]) -> ColumnGraph:
    """The columns of assets and where they come from, each as its newest record that tells it says."""
    told: dict[str, Mapping[str, tuple[ColumnRef, ...]]] = {}
    schemas: dict[str, list[str]] = {}
    for record in sorted(records, key=lambda r: (r.at, r.id)):  # the newest has the last word
        if record.column_lineage is not None:
            told[record.asset] = record.column_lineage
        if record.columns is not None:
            schemas[record.asset] = [column.name for column in record.columns]
    return ColumnGraph.from_lineage(told, schemas=schemas)


def show_record(written: str, catalog: Catalog, columns: ColumnGraph, *, hops: int = NEIGHBOURHOOD) -> Record:
    """The neighbours up to `hops` edges away.

    `{"question": "show", "asset", "column", "facts": {...}, "cycle": [...], "columns": [...],
    "upstream": [{"asset", "hops", "via", "location", "owners", "tier", "kinds", "group", "consumers"}],
    "downstream": [the same], "beyond": {"upstream": n, "downstream": n}}`: `columns` are the asset's, as far as
    they are known, `beyond` counts what is further away. Raises as `asked_for`.
    """
    key, column = asked_for(written, catalog, columns)
    up, down = catalog.graph.hops_up(key), catalog.graph.hops_down(key)
    return {
        **_heading("show", key, column, catalog),
        "columns": sorted(columns.columns_of(key)),
        "upstream": _listed(_within(up, hops), key, catalog.graph.children, catalog),
        "downstream": _listed(_within(down, hops), key, catalog.graph.parents, catalog),
        "beyond": {
            "upstream": sum(far > hops for far in up.values()),
            "downstream": sum(far > hops for far in down.values()),
        },
    }


def impact_record(written: str, catalog: Catalog, columns: ColumnGraph) -> Record:
    """All that is built from the asset, and whom it concerns; for a column what breaks if it is dropped.

    `{"question": "impact", "asset", "column", "facts", "cycle", "downstream": [as in show, and for a column
    "use": "built" | "may_use" | "unaffected"], "owners": [...], "consumers": [...], "breaks": null |
    {"built": [{"asset", "column", "hops", "path": ["asset.column", …]}], "may_use": [{"asset", "because"}],
    "unaffected": [{"asset", "is_told", "unsourced": [...]}]}}`. Owners and consumers are those of all that is not
    proven unaffected, the asset's own consumers included. Raises as `asked_for`.
    """
    key, column = asked_for(written, catalog, columns)
    graph = catalog.graph
    listed = _listed(graph.hops_down(key), key, graph.parents, catalog)
    breakage = columns.impact_of_dropping(column, graph) if column else None
    if breakage is not None:
        use = _uses(breakage)
        listed = [{**item, "use": use[item["asset"]]} for item in listed]
    concerned = [item for item in listed if item.get("use") != "unaffected"]
    return {
        **_heading("impact", key, column, catalog),
        "downstream": listed,
        "owners": _distinct(concerned, "owners"),
        "consumers": _distinct([_facts(key, catalog), *concerned], "consumers"),
        "breaks": _breakage(breakage) if breakage else None,
    }


def upstream_record(written: str, catalog: Catalog, columns: ColumnGraph) -> Record:
    """All that the asset is built from; for a column the columns that it is built from.

    `{"question": "upstream", "asset", "column", "facts", "cycle", "upstream": [as in show], "sources": null |
    [{"asset", "column", "hops"}], "silent": [...]}`: `silent` are the assets at which the column's trace ends
    although they are built from others, for want of column lineage. Raises as `asked_for`.
    """
    key, column = asked_for(written, catalog, columns)
    graph = catalog.graph
    sources = columns.upstream(column) if column else {}
    trace = dict.fromkeys([key, *(source.asset for source in sources)])
    return {
        **_heading("upstream", key, column, catalog),
        "upstream": _listed(graph.hops_up(key), key, graph.children, catalog),
        "sources": [_column(source, far) for source, far in sources.items()] if column else None,
        "silent": [asset for asset in trace if column and not columns.knows(asset) and graph.parents(asset)],
    }


def _heading(question: str, key: str, column: ColumnRef | None, catalog: Catalog) -> Record:
    cycle = catalog.graph.hops_up(key).keys() & catalog.graph.hops_down(key).keys()
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
    return {"asset": column.asset, "column": column.column, "hops": hops}
