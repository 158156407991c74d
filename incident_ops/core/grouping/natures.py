"""Which trouble explains which: along an edge, and on one asset."""

from collections.abc import Mapping
from types import MappingProxyType

from incident_ops.core.alert import Nature

_ANY = frozenset(Nature)

# Data are not there, or not in time; the other natures say that data are there and wrong.
AVAILABILITY = frozenset({Nature.FRESHNESS, Nature.PIPELINE})

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


def explains_on_itself(nature: Nature, other: Nature) -> bool:
    """Can trouble of the one nature cause the other, of the other kind, on the same asset?

    Data that are late or were not built leave rows missing; no more. A wrong content does not make the asset
    that has it stale, for it was built; that a blocking check fails the run is one failed step (`belonging`).
    """
    return nature in AVAILABILITY and other is Nature.VOLUME
