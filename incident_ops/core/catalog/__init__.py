"""What is known of the watched assets, made one out of several tellers, and what changed in it."""

from incident_ops.core.catalog.nodes import (
    CONSUMERS_METADATA,
    DOMAIN_TAG,
    SLACK_TAG,
    TIER_TAG,
    AssetNode,
    Catalog,
)
from incident_ops.core.declared import RUNBOOK_METADATA

__all__ = [
    "CONSUMERS_METADATA",
    "DOMAIN_TAG",
    "RUNBOOK_METADATA",
    "SLACK_TAG",
    "TIER_TAG",
    "AssetNode",
    "Catalog",
]
