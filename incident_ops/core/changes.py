"""A recent change broke it: which one? Changes ranked by lineage and time, where nothing else is known."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from incident_ops.core.lineage import AssetGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One asset changed; a commit that touches several is several changes with one `id`."""

    asset: str
    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedChange:
    id: str
    change: Change
    hops: int
    score: float
