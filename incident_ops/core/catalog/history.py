"""What changed between two readings of the catalog, each change one sentence: evidence, when something breaks.

Snapshots are kept by the store. A code location that does not load is no change: its assets stay in the catalog
(`merge.with_last_known`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_ops.core.catalog.nodes import AssetNode, Catalog
from incident_ops.core.durations import format_duration
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow


class ChangeKind(StrEnum):
    ASSET_ADDED = "asset_added"
    ASSET_GONE = "asset_gone"
    EDGE_ADDED = "edge_added"
    EDGE_REMOVED = "edge_removed"
    OWNER = "owner"
    TAGS = "tags"
    KINDS = "kinds"
    GROUP = "group"
    LOCATION = "location"
    FRESHNESS = "freshness"
    CHECK_ADDED = "check_added"
    CHECK_REMOVED = "check_removed"
    PARTITIONS = "partitions"
    CONSUMERS = "consumers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that became different in one asset, noticed at `at`; `text` is a sentence for people."""

    at: datetime
    asset: str
    kind: ChangeKind
    text: str


def differences(before: Catalog, after: Catalog) -> tuple[Change, ...]:
    """What changed, by asset. The first reading has nothing to differ from: no changes.

    Assets that were only met in events count as absent; their edges come and go with the events.

    Raises:
        ValueError: `after` was never fetched, so nobody can say when it was.
    """
    at = after.fetched_at
    if at is None:
        raise ValueError("a catalog that was never fetched has no changes")
    if before.fetched_at is None:
        return ()
    keys = sorted({node.key for catalog in (before, after) for node in catalog.nodes if not node.is_observed})
    return tuple(
        Change(at=at, asset=key, kind=kind, text=text)
        for key in keys
        for kind, text in _of_asset(key, _declared(before, key), _declared(after, key))
    )


Told = tuple[ChangeKind, str]


def _declared(catalog: Catalog, key: str) -> AssetNode | None:
    node = catalog.node(key)
    return None if node is None or node.is_observed else node


def _of_asset(key: str, before: AssetNode | None, after: AssetNode | None) -> Iterator[Told]:
    if before is after:
        return
    if after is None or after.is_named_only:
        if before is not None and not before.is_named_only:
            text = f"asset gone: {key} is defined in no code location any more"
            yield (
                ChangeKind.ASSET_GONE,
                text + (f" ({', '.join(after.locations)} still names it)" if after else ""),
            )
    elif before is None or before.is_named_only:
        yield ChangeKind.ASSET_ADDED, f"asset added: {key} is now defined{_where(after)}"
    elif before != after:
        yield from _edges(key, before, after)
        for kind, word, value_of in _VALUES:
            was, now = value_of(before), value_of(after)
            if was != now:
                yield kind, f"{word} changed: {was or 'none'} → {now or 'none'}"
        if before.is_detailed and after.is_detailed:
            yield from _checks(before, after)


def _where(node: AssetNode) -> str:
    return f" in {node.location}" if node.location else ""


def _edges(key: str, before: AssetNode, after: AssetNode) -> Iterator[Told]:
    for upstream in _only_in(after.upstream, before.upstream):
        yield ChangeKind.EDGE_ADDED, f"edge added: {key} is now built from {upstream}"
    for upstream in _only_in(before.upstream, after.upstream):
        yield ChangeKind.EDGE_REMOVED, f"edge removed: {key} is no longer built from {upstream}"


def _checks(before: AssetNode, after: AssetNode) -> Iterator[Told]:
    for check in _only_in(after.checks, before.checks):
        yield ChangeKind.CHECK_ADDED, f"check added: {check}"
    for check in _only_in(before.checks, after.checks):
        yield ChangeKind.CHECK_REMOVED, f"check removed: {check}"


def _only_in(some: Iterable[str], others: Iterable[str]) -> list[str]:
    return sorted(set(some) - set(others))


def said(terms: FreshnessTerms | None) -> str:
    """A freshness policy in words; empty for none."""
    match terms:
        case None:
            return ""
        case TimeWindow(fail_window=fail, warn_window=warn):
            warning = f", warning from {format_duration(warn)} on" if warn else ""
            return f"at most {format_duration(fail)} old{warning}"
        case CronWindow(deadline_cron=cron, lower_bound_delta=delta, timezone=zone):
            return f"by {cron} ({zone}), built within the {format_duration(delta)} before"


def _tags(node: AssetNode) -> str:
    return ", ".join(f"{key}={value}" if value else key for key, value in sorted(node.tags.items()))


_VALUES: tuple[tuple[ChangeKind, str, Callable[[AssetNode], str]], ...] = (
    (ChangeKind.OWNER, "owner", lambda node: ", ".join(node.owners)),
    (ChangeKind.TAGS, "tags", _tags),
    (ChangeKind.KINDS, "kinds", lambda node: ", ".join(sorted(node.kinds))),
    (ChangeKind.GROUP, "group", lambda node: node.group),
    (ChangeKind.LOCATION, "code location", lambda node: node.location),
    (ChangeKind.FRESHNESS, "freshness policy", lambda node: said(node.freshness)),
    (ChangeKind.PARTITIONS, "partitions", lambda node: node.partitions),
    (ChangeKind.CONSUMERS, "consumers", lambda node: ", ".join(node.consumers)),
)
