"""Assets that no code location names and only events tell of: kept in the store, laid beneath the catalog."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from incident_ops.core.catalog import Catalog
from incident_ops.core.catalog.merge import with_observed
from incident_ops.engine.ports import Store

OBSERVED = "observed assets"
OBSERVED_WITHIN = timedelta(days=90)
"""An asset that no code location names is forgotten when no event has told of it for so long."""

Observed = Mapping[str, Collection[str]]
"""Asset → the upstream assets that its newest event points to."""


def with_strangers(catalog: Catalog, store: Store) -> Catalog:
    """`catalog`, and beneath it what was met in events up to now."""
    return _with_observed(catalog, store.value(OBSERVED) or "")


def look_for_strangers(store: Store, catalog: Catalog, *, now: datetime) -> Observed:
    """Search the history for them anew; what is declared by now is none any more."""
    declared = {node.key for node in catalog.nodes if not node.is_observed}
    observed = store.observed_edges(unknown_to=declared, since=now - OBSERVED_WITHIN)
    _remember(store, observed, now=now)
    return observed


def meet(store: Store, catalog: Catalog, met: Observed, *, now: datetime) -> Catalog:
    """Add those just met to those known; returns the catalog with all of them."""
    known = {node.key: node.upstream for node in catalog.nodes if node.is_observed}
    observed = {**known, **met}
    if observed != known:
        _remember(store, observed, now=now)
    return with_observed(catalog, observed)


def _remember(store: Store, observed: Observed, *, now: datetime) -> None:
    dumped = json.dumps({asset: sorted(inputs) for asset, inputs in sorted(observed.items())}) if observed else ""
    if store.value(OBSERVED) != dumped:
        store.set_value(OBSERVED, dumped, now=now)


@lru_cache(maxsize=2)
def _with_observed(catalog: Catalog, dumped: str) -> Catalog:
    """Remembered, so that the graph is made once."""
    return with_observed(catalog, json.loads(dumped)) if dumped else catalog
