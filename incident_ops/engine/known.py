"""What grouping is told beyond alerts and lineage: provenance, and what the catalog says."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from incident_ops.core.alert import Alert, AssetRef, Nature
from incident_ops.core.catalog import Catalog
from incident_ops.core.grouping import Known, Link
from incident_ops.core.provenance import Evaluation, Materialization, Provenance, Ref


class KnownFromHistory(Known):
    """By provenance: who was built from what, and which assets were seen healthy. By the catalog: which assets
    anything looks at."""

    def __init__(self, provenance: Provenance, recent: Iterable[Evaluation], catalog: Catalog) -> None:
        self._history, self._catalog = provenance, catalog
        self._recent: defaultdict[str, list[Evaluation]] = defaultdict(list)
        for verdict in recent:
            self._recent[verdict.asset].append(verdict)
        self._read: dict[tuple[Ref, datetime], dict[str, list[Materialization]]] = {}

    def is_healthy(self, asset: AssetRef, at: datetime) -> bool:
        """Checked since it was built last, and found good by every check."""
        records = [self._history.latest(asset.key, partition=p) for p in self._history.partitions(asset.key)]
        newest = max((r for r in records if r is not None), key=lambda r: (r.at, r.id), default=None)
        verdicts = self._history.verdicts_on(newest) if newest is not None else []
        verdicts += [e for e in self._recent[asset.key] if newest is None or e.at >= newest.at]
        latest = {(e.check, e.partition): e for e in sorted(verdicts, key=lambda e: (e.at, e.event_id))}
        return bool(latest) and not any(verdict.is_bad for verdict in latest.values())

    def is_unwatched(self, asset: AssetRef) -> bool:
        """Neither a check nor a freshness policy; of an asset whose checks were not read nobody knows."""
        node = self._catalog.get(asset)
        return node is not None and node.is_detailed and not node.checks and node.freshness is None

    def link(self, upstream: Alert, downstream: Alert) -> Link:
        """Proved if a bad record of the upstream asset was read, however far; refuted if only others were. An
        upstream that was not built, or whose record is not known, is no matter of pointers."""
        if upstream.asset is None or upstream.materialization is None or upstream.nature in _NOT_BUILT:
            return Link.UNKNOWN
        if downstream.asset is None or downstream.materialization is None:
            return Link.UNKNOWN
        ref = Ref(asset=downstream.asset.key, id=downstream.materialization)
        read = self._inputs_of(ref, downstream.occurred_at).get(upstream.asset.key, [])
        if any(r.id == upstream.materialization or self._history.is_bad(r) for r in read):
            return Link.PROVED
        return Link.REFUTED if read else Link.UNKNOWN

    def _inputs_of(self, ref: Ref, at: datetime) -> dict[str, list[Materialization]]:
        """Every record that this one was made of, by asset."""
        if (ref, at) not in self._read:
            reached: dict[str, list[Materialization]] = {}
            record = self._history.get(ref, by=at)
            ahead = [record] if record is not None else []
            seen: set[tuple[Ref, datetime]] = set()
            while ahead:
                for source in self._history.inputs_of(ahead.pop()).values():
                    if source is not None and (source.ref, source.at) not in seen:
                        seen.add((source.ref, source.at))
                        reached.setdefault(source.asset, []).append(source)
                        ahead.append(source)
            self._read[ref, at] = reached
        return self._read[ref, at]


_NOT_BUILT = frozenset({Nature.FRESHNESS, Nature.PIPELINE})
