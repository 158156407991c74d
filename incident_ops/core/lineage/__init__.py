"""What is built from what: assets, and the columns of which that is known."""

from incident_ops.core.lineage.graph import (
    AssetGraph,
)

__all__ = [
    "AssetGraph",
]
