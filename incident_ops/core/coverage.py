"""What is watched and what is not: of each asset whether it has an owner and detectors of the usual natures, and
where to add which first.

What suits one asset's own data is `suggestion`'s business.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incident_ops.core.alert import Nature
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.importance import Importance
from incident_ops.core.nature import nature_of_check
from incident_ops.core.own import OWN_ASSETS

FIGURELESS = frozenset({"dashboard", "report", "model", "ml_model", "notebook", "chart", "alert"})
"""Kinds of assets that are no tables: of them an owner and freshness is all that can be asked for."""


class Part(StrEnum):
    """What an asset should have, in the order in which it is worth adding: somebody to tell first, then what is
    learnt from metadata, then what costs a scan."""

    OWNER = "owner"
    FRESHNESS = "freshness"
    VOLUME = "volume"
    SCHEMA = "schema"
    FIELD_HEALTH = "field_health"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


_OF_NATURE: Mapping[Nature, Part] = {
    Nature.FRESHNESS: Part.FRESHNESS,
    Nature.VOLUME: Part.VOLUME,
    Nature.SCHEMA: Part.SCHEMA,
    Nature.FIELD_HEALTH: Part.FIELD_HEALTH,
}

FACTORIES: Mapping[Part, str] = {
    Part.FRESHNESS: "build_freshness_checks",
    Part.VOLUME: "build_volume_checks",
    Part.SCHEMA: "build_schema_checks",
    Part.FIELD_HEALTH: "build_field_health_checks",
}
"""What adds each part. An owner is written on the asset itself."""

CODE_WIDTH = 100

NatureOf = Callable[[str, str], Nature]
"""(asset, check) → nature."""


def nature_by_name(asset: str, check: str) -> Nature:
    """For checks that never said theirs."""
    return nature_of_check(check, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One asset.

    Attributes:
        has: part → what provides it (the owner, `freshness policy`, names of checks).
        missing: in the order in which they are worth adding.
        unknown: the checks on it were not read yet, so detectors it has may be among `missing`.
    """

    asset: str
    importance: float
    why: tuple[str, ...]
    group: str
    has: Mapping[Part, str]
    missing: tuple[Part, ...]
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of the assets that should have a part do; `weighted`: the share of their importance, 0 to 1 (of
    assets without any importance it is `value`)."""

    covered: int
    of: int
    weighted: float

    @property
    def value(self) -> float:
        """0 to 1; of no assets it is 1."""
        return self.covered / self.of if self.of else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The assets by importance, the most important first, and the share that has each part."""

    assets: tuple[Covered, ...]
    shares: Mapping[Part, Share]

    @property
    def lacking(self) -> tuple[Covered, ...]:
        """Where something is missing."""
        return tuple(asset for asset in self.assets if asset.missing)

    @property
    def unknown(self) -> int:
        """Of so many assets the checks were not read yet."""
        return sum(asset.unknown for asset in self.assets)


def coverage_of(
    catalog: Catalog,
    importances: Mapping[str, Importance],
    *,
    nature_of: NatureOf = nature_by_name,
    group: str = "",
) -> Coverage:
    """The coverage of all assets that a code location defines; our own are left out.

    Args:
        importances: of each asset (see `importance.importances`).
        group: look at the assets of this group only.
    """
    nodes = [
        node
        for node in catalog.nodes
        if not node.is_observed and node.key not in OWN_ASSETS and (not group or node.group == group)
    ]
    assets = [_covered(node, importances.get(node.key), nature_of) for node in nodes]
    assets.sort(key=lambda asset: (-asset.importance, asset.asset))
    return Coverage(assets=tuple(assets), shares={part: _share(part, assets) for part in Part})


def parts_for(node: AssetNode) -> tuple[Part, ...]:
    """What that asset should have."""
    return (Part.OWNER, Part.FRESHNESS) if FIGURELESS.intersection(node.kinds) else tuple(Part)


def code_for(lacking: Sequence[Covered]) -> str:
    """Python that gives these assets the detectors they lack, one call for each kind; empty if none lacks any."""
    wanted = {part: [asset.asset for asset in lacking if part in asset.missing] for part in FACTORIES}
    wanted = {part: assets for part, assets in wanted.items() if assets}
    if not wanted:
        return ""
    lines = [*import_code(FACTORIES[part] for part in wanted), "", "checks = ["]
    for part, assets in wanted.items():
        lines += [f"    *{FACTORIES[part]}(assets=[", *(f"        {key_code(a)}," for a in assets), "    ]),"]
    return "\n".join([*lines, "]", ""])


def import_code(names: Iterable[str]) -> Sequence[str]:
    """The lines that import what the library offers under these names."""
    each = sorted(set(names))
    line = f"from incident_ops.detectors import {', '.join(each)}"
    if len(line) <= CODE_WIDTH:
        return [line]
    return ["from incident_ops.detectors import (", *(f"    {name}," for name in each), ")"]


def key_code(asset: str) -> str:
    """An asset key as the factories take it: `["raw", "orders"]`."""
    return f"[{', '.join(json.dumps(part, ensure_ascii=False) for part in asset.split('/'))}]"


def record_of(coverage: Coverage, *, limit: int | None = None) -> dict[str, Any]:
    """`{"assets": n, "unknown": n, "shares": {part: {"covered", "of", "share", "weighted"}}, "lacking": n,
    "first": [{"asset", "group", "importance", "why": [...], "has": {part: "…"}, "missing": [part, …], "unknown"}],
    "code": "…"}`: `first` are the `limit` most important assets that lack something, `code` gives them that."""
    first = coverage.lacking[:limit]
    return {
        "assets": len(coverage.assets),
        "unknown": coverage.unknown,
        "shares": {
            part.value: {
                "covered": share.covered,
                "of": share.of,
                "share": round(share.value, 4),
                "weighted": round(share.weighted, 4),
            }
            for part, share in coverage.shares.items()
        },
        "lacking": len(coverage.lacking),
        "first": [
            {
                "asset": asset.asset,
                "group": asset.group,
                "importance": asset.importance,
                "why": list(asset.why),
                "has": {part.value: what for part, what in asset.has.items()},
                "missing": [part.value for part in asset.missing],
                "unknown": asset.unknown,
            }
            for asset in first
        ],
        "code": code_for(first),
    }


def _covered(node: AssetNode, importance: Importance | None, nature_of: NatureOf) -> Covered:
    has: dict[Part, list[str]] = {}
    if node.owners:
        has[Part.OWNER] = list(node.owners)
    if node.freshness is not None:
        has[Part.FRESHNESS] = ["freshness policy"]
    for check in node.checks:
        part = _OF_NATURE.get(nature_of(node.key, check))
        if part is not None:
            has.setdefault(part, []).append(check)
    return Covered(
        asset=node.key,
        importance=importance.value if importance else 0.0,
        why=importance.reasons if importance else (),
        group=node.group,
        has={part: _named(has[part]) for part in Part if part in has},
        missing=tuple(part for part in parts_for(node) if part not in has),
        unknown=not node.is_detailed,
    )


def _named(what: Sequence[str]) -> str:
    return what[0] if len(what) == 1 else f"{what[0]} and {len(what) - 1} more"


def _share(part: Part, assets: Sequence[Covered]) -> Share:
    wanted = [asset for asset in assets if part in asset.has or part in asset.missing]
    covered = [asset for asset in wanted if part in asset.has]
    weight = sum(asset.importance for asset in wanted)
    unweighted = len(covered) / len(wanted) if wanted else 1.0
    return Share(
        covered=len(covered),
        of=len(wanted),
        weighted=sum(asset.importance for asset in covered) / weight if weight else unweighted,
    )
