"""One catalog out of several tellers: code locations that name the same asset, a location that does not load, our
own location, and the events.

Who declares an asset is believed about it; whoever else names it only adds what is missing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from incident_ops.core.catalog.nodes import AssetNode, Catalog


def merge(definitions: Iterable[AssetNode]) -> tuple[AssetNode, ...]:
    """One node for each key, in the order of the keys. The heaviest definition wins; the others add edges,
    consumers, checks and tags, and fill what it leaves empty. An asset that a location only names (as something
    upstream, or as the target of a check) has a definition there too, an empty one that Dagster makes up."""
    by_key: defaultdict[str, list[AssetNode]] = defaultdict(list)
    for definition in definitions:
        by_key[definition.key].append(definition)
    return tuple(_merged(by_key[key]) for key in sorted(by_key))


def _weight(node: AssetNode) -> tuple[bool, bool, bool, bool, int]:
    """The heavier definition speaks first: what builds the asset, then what owns it, then what says more."""
    said = (node.tags, node.kinds, node.description, node.upstream, node.consumers, node.runbook)
    return (
        not node.is_named_only,
        node.is_materializable,
        node.is_executable,
        bool(node.owners),
        sum(map(bool, said)),
    )


def _merged(definitions: list[AssetNode]) -> AssetNode:
    if len(definitions) == 1:
        return definitions[0]
    nodes = sorted(sorted(definitions, key=lambda node: node.location), key=_weight, reverse=True)
    first = nodes[0]
    tags: dict[str, str] = {}
    for node in reversed(nodes):
        tags.update(node.tags)
    return replace(
        first,
        locations=_union(node.locations for node in nodes),
        tags=MappingProxyType(tags),
        owners=next((node.owners for node in nodes if node.owners), ()),
        kinds=next((node.kinds for node in nodes if node.kinds), ()),
        description=next((node.description for node in nodes if node.description), ""),
        runbook=next((node.runbook for node in nodes if node.runbook), ""),
        freshness=next((node.freshness for node in nodes if node.freshness), None),
        partitions=next((node.partitions for node in nodes if node.partitions), ""),
        automation=next((node.automation for node in nodes if node.automation), ""),
        upstream=_union(node.upstream for node in nodes),
        checks=_union(node.checks for node in nodes),
        pii_columns=_union(node.pii_columns for node in nodes),
        consumers=tuple(dict.fromkeys(consumer for node in nodes for consumer in node.consumers)),
        is_detailed=all(node.is_detailed for node in nodes),
    )


def _union(several: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({item for items in several for item in items}))


def with_last_known(fetched: Catalog, known: Catalog, broken: Collection[str]) -> Catalog:
    """`fetched`, with what was known of the code locations that do not load now: their assets, and what they had
    said of the assets of others."""
    if not broken:
        return fetched
    nodes = {node.key: node for node in fetched.nodes}
    for node in known.nodes:
        if node.is_observed or not any(location in broken for location in node.locations or (node.location,)):
            continue
        now = nodes.get(node.key)
        nodes[node.key] = node if now is None else _merged([now, node])
    return Catalog(nodes.values(), fetched_at=fetched.fetched_at, source=fetched.source)


def with_details_of(node: AssetNode, known: AssetNode | None) -> AssetNode:
    """`node` with the checks and tagged columns that were known of it, while they cannot be asked for anew."""
    if node.is_detailed or known is None or not known.is_detailed:
        return node
    return replace(node, checks=known.checks, pii_columns=known.pii_columns, is_detailed=True)


@lru_cache(maxsize=2)
def over(catalog: Catalog, beneath: Catalog) -> Catalog:
    """`catalog`, and beneath it what only the other one declares. Remembered, so that the graph is made once."""
    missing = [node for node in beneath.nodes if not catalog.declares(node.key)]
    if not missing:
        return catalog
    source = catalog.source if len(catalog) else beneath.source
    return Catalog([*catalog.nodes, *missing], fetched_at=catalog.fetched_at, source=source)


def with_observed(catalog: Catalog, observed: Mapping[str, Collection[str]]) -> Catalog:
    """`catalog` and a node for each asset that only events tell of.

    The declared edges of an asset stand whatever the events say: an edge that was removed must not live on. What
    was met in events before and is not in `observed` any more is forgotten.

    Args:
        observed: asset → the upstream assets that its newest event points to.
    """
    upstream = {key: set(keys) for key, keys in observed.items()}
    for key in [key for keys in observed.values() for key in keys]:
        upstream.setdefault(key, set())
    met = [
        AssetNode(key=key, upstream=tuple(sorted(upstream[key] - {key})), is_observed=True)
        for key in sorted(upstream)
        if not catalog.declares(key)
    ]
    before = [node for node in catalog.nodes if node.is_observed]
    if met == before:
        return catalog
    declared = (node for node in catalog.nodes if not node.is_observed)
    return Catalog([*declared, *met], fetched_at=catalog.fetched_at, source=catalog.source)
