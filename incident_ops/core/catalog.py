"""What is known of the watched assets: owners, tags, kinds, edges, and how old that knowledge is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from incident_ops.core.alert import AssetRef
from incident_ops.core.lineage import AssetGraph

TIER_TAG = "incident_ops/tier"
SLACK_TAG = "incident_ops/slack"
DOMAIN_TAG = "incident_ops/domain"
CONSUMERS_METADATA = "incident_ops/consumers"
RUNBOOK_METADATA = "incident_ops/runbook"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetNode:
    """One asset of some code location. `upstream` holds the keys (`a/b`) it is built from."""

    key: str
    location: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    kinds: tuple[str, ...] = ()
    group: str = ""
    description: str = ""
    upstream: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    runbook: str = ""


class Catalog:
    """The assets of every code location, as last read at `fetched_at` (None: never read)."""

    def __init__(self, nodes: Iterable[AssetNode] = (), *, fetched_at: datetime | None = None) -> None:
        self._nodes = {node.key: node for node in nodes}
        self.fetched_at = fetched_at

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: object) -> bool:
        return key in self._nodes

    @property
    def nodes(self) -> Iterable[AssetNode]:
        return self._nodes.values()

    def get(self, asset: AssetRef | None) -> AssetNode | None:
        return self._nodes.get(asset.key) if asset else None

    @cached_property
    def graph(self) -> AssetGraph:
        """The lineage of all that is known."""
        edges = ((up, node.key) for node in self._nodes.values() for up in node.upstream)
        return AssetGraph.from_edges(edges, nodes=self._nodes)

    def upstream(self, key: str) -> tuple[str, ...]:
        node = self._nodes.get(key)
        return node.upstream if node else ()

    def age(self, now: datetime) -> timedelta | None:
        """How old the knowledge is, or None when there is none."""
        return None if self.fetched_at is None else now - self.fetched_at
