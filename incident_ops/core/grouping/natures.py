"""Which trouble upstream explains which trouble downstream, as one table."""

from collections.abc import Mapping
from types import MappingProxyType

from incident_ops.core.alert import Nature

_ANY = frozenset(Nature)

# Upstream nature → what it can do below. Data that arrive late, or were never built, make what is below late,
# short or unbuilt; they do not make its content wrong. Wrong content spreads as wrong content, and a blocking
# check or a crash on it leaves the rest unbuilt and stale. Only a change of shape changes shapes below; what a
# free rule looks at nobody knows, so it explains anything.
EXPLAINS: Mapping[Nature, frozenset[Nature]] = MappingProxyType(
    {
        Nature.FRESHNESS: frozenset({Nature.FRESHNESS, Nature.VOLUME, Nature.PIPELINE}),
        Nature.PIPELINE: frozenset({Nature.PIPELINE, Nature.FRESHNESS, Nature.VOLUME}),
        Nature.VOLUME: _ANY - {Nature.SCHEMA},
        Nature.FIELD_HEALTH: _ANY - {Nature.SCHEMA},
        Nature.SCHEMA: _ANY,
        Nature.RULE: _ANY,
    }
)


def explains(upstream: Nature, downstream: Nature) -> bool:
    """Can trouble of the one nature cause trouble of the other, one asset further down?"""
    return downstream in EXPLAINS[upstream]
