"""What is known of the watched assets: owners, tags, kinds, edges, policies, and how old that knowledge is.

One catalog out of several tellers is made in `merge`; what changed between two is in `history`.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from incident_ops.core.alert import AssetRef
from incident_ops.core.forecast.deadlines import FreshnessTerms
from incident_ops.core.lineage import AssetGraph

TIER_TAG = "incident_ops/tier"
SLACK_TAG = "incident_ops/slack"
DOMAIN_TAG = "incident_ops/domain"
CONSUMERS_METADATA = "incident_ops/consumers"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetNode:
    """One asset. `upstream` holds the keys (`a/b`) it is built from.

    Attributes:
        location: the code location that builds it, else the one that says most of it; empty where none names it.
        locations: all that name it, were it only as something upstream.
        freshness: when it must have been built again.
        checks: names of the checks on it.
        partitions: in words ("time window %Y-%m-%d", "static", "dynamic customers"); empty without partitions.
        automation: label of its automation condition.
        pii_columns: columns that its definition tags `pii`.
        is_detailed: `checks` and `pii_columns` are known; they are dear to ask for.
        is_named_only: no code location defines it; some name it as something upstream, or check it.
        is_observed: met only in events; no code location that we can read names it.
    """

    key: str
    location: str = ""
    locations: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    kinds: tuple[str, ...] = ()
    group: str = ""
    description: str = ""
    upstream: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    runbook: str = ""
    freshness: FreshnessTerms | None = None
    checks: tuple[str, ...] = ()
    partitions: str = ""
    automation: str = ""
    pii_columns: tuple[str, ...] = ()
    is_materializable: bool = False
    is_executable: bool = False
    is_detailed: bool = True
    is_named_only: bool = False
    is_observed: bool = False

    @property
    def is_partitioned(self) -> bool:
        return bool(self.partitions)


class Catalog:
    """The assets of every code location, as last read at `fetched_at` (None: never read) from `source`."""

    def __init__(
        self, nodes: Iterable[AssetNode] = (), *, fetched_at: datetime | None = None, source: str = ""
    ) -> None:
        self._nodes = {node.key: node for node in nodes}
        self.fetched_at = fetched_at
        self.source = source

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: object) -> bool:
        return key in self._nodes

    @property
    def nodes(self) -> Iterable[AssetNode]:
        return self._nodes.values()

    def get(self, asset: AssetRef | None) -> AssetNode | None:
        return self._nodes.get(asset.key) if asset else None

    def node(self, key: str) -> AssetNode | None:
        """By its key `a/b`."""
        return self._nodes.get(key)

    def declares(self, key: str) -> bool:
        """A code location names that asset; events alone do not count."""
        node = self._nodes.get(key)
        return node is not None and not node.is_observed

    @cached_property
    def graph(self) -> AssetGraph:
        """The lineage of all that is known, made once."""
        edges = ((up, node.key) for node in self._nodes.values() for up in node.upstream)
        return AssetGraph.from_edges(edges, nodes=self._nodes)

    def with_consumers(self, more: Mapping[str, Sequence[str]]) -> "Catalog":
        """With further consumers of assets, named by key or by a pattern like `marketing/*`; the graph stays."""
        added: dict[str, AssetNode] = {}
        for pattern, consumers in more.items():
            for key in [pattern] if pattern in self._nodes else fnmatch.filter(self._nodes, pattern):
                node = added.get(key, self._nodes[key])
                added[key] = replace(node, consumers=tuple(dict.fromkeys((*node.consumers, *consumers))))
        if not added:
            return self
        again = copy(self)
        again._nodes = {**self._nodes, **added}
        again.__dict__["graph"] = self.graph  # consumers are no edges
        return again

    def pii_columns(self, key: str) -> tuple[str, ...]:
        """The columns that the asset's definition tags as personal data."""
        node = self._nodes.get(key)
        return node.pii_columns if node else ()

    def upstream(self, key: str) -> tuple[str, ...]:
        node = self._nodes.get(key)
        return node.upstream if node else ()

    def age(self, now: datetime) -> timedelta | None:
        """How old the knowledge is, or None when there is none."""
        return None if self.fetched_at is None else now - self.fetched_at

    def confirmed(self, at: datetime | None) -> "Catalog":
        """The same, read again at `at`; the graph is not made anew."""
        again = copy(self)
        again.fetched_at = at
        return again
