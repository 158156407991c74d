"""What root cause and impact need of the history, loaded around a few records: everything that may be walked to, a
batch of queries a level, and no more than a bound. What it means is `core`'s business.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from incident_ops.core.provenance import Materialization, Provenance, RecordKind, Ref
from incident_ops.engine.ports import History

MOST_LEVELS = 40
MOST_RECORDS = 2_000
"""Of each closure, upstream and downstream."""
EARLIER = 30
"""Records before each one found upstream: what a volume band learns from, and the previous good one."""
LATER = 5
"""Newest records of each place found upstream: whether it was built again since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """`cut_short` says in a sentence what was left out because a bound was hit; None if nothing was."""

    provenance: Provenance
    cut_short: str | None = None


def gather(history: History, starts: Collection[Ref], *, descendants: Collection[str] = ()) -> Gathered:
    """Load what can be walked to from `starts`.

    In it are: what they were built from, all the way up, each with earlier records of its asset and partition and
    the newest ones; what was built from them, all the way down; the newest record of each place on the way down
    and of the assets `descendants`, each with what it was built from; and the verdicts on all of these. A remark
    of ours comes with the record that it speaks of.

    Costs a few queries a level; their number does not grow with the records found.
    """
    gathering = _Gathering(history)
    upstream = gathering.upstream_of(starts)
    gathering.around(upstream)
    downstream = gathering.downstream_of(starts)
    gathering.newest(downstream, descendants)
    return gathering.result()


def gather_upstream(history: History, starts: Collection[Ref], *, newest_of: Collection[str] = ()) -> Gathered:
    """The smaller part of it: what `starts` were built from, without the past of each, the newest records of some
    assets, and the verdicts on all."""
    gathering = _Gathering(history)
    gathering.upstream_of(starts)
    gathering.newest((), newest_of)
    return gathering.result()


class _Gathering:
    def __init__(self, history: History) -> None:
        self._history = history
        self._found: dict[tuple[Ref, object], Materialization] = {}
        self._cuts: dict[str, None] = {}

    def upstream_of(self, starts: Collection[Ref]) -> list[Materialization]:
        def above(level: Collection[Materialization]) -> list[Materialization]:
            return self._read(_inputs(level))

        return self._closure(self._read(starts), above, "upstream")

    def downstream_of(self, starts: Collection[Ref]) -> list[Materialization]:
        def below(level: Collection[Materialization]) -> list[Materialization]:
            # Only what was never built is read through remarks: Dagster prefers a materialization.
            observed = [m for m in level if m.kind is RecordKind.OBSERVATION]
            remarks = self._keep(self._history.remarks(observed)) if observed else []
            readers = self._history.readers([m.ref for m in (*level, *remarks)], limit=MOST_RECORDS + 1)
            return self._keep(readers)

        return self._closure(self._read(starts), below, "downstream")

    def around(self, records: Collection[Materialization]) -> None:
        """Each record's past, and how things are in its place now."""
        self._keep(self._history.before(records, limit=EARLIER))
        newest = self._keep(self._history.latest(_places(records)))
        self._keep(self._history.before(newest, limit=LATER - 1))

    def newest(self, records: Collection[Materialization], assets: Collection[str]) -> None:
        """The newest of each place and asset, and what they read."""
        newest = self._keep(self._history.latest(_places(records)))
        newest += self._keep(self._history.latest_of(assets)) if assets else []
        self._read(_inputs((*records, *newest)))

    def result(self) -> Gathered:
        records = list(self._found.values())
        verdicts = self._history.evaluations({m.ref for m in records}) if records else []
        return Gathered(provenance=Provenance(records, verdicts), cut_short="; ".join(self._cuts) or None)

    # ---- steps

    def _read(self, refs: Collection[Ref]) -> list[Materialization]:
        """The records of these ids; for remarks the records that they speak of."""
        found = self._keep(self._history.materializations(refs)) if refs else []
        remarks = [m for m in found if m.kind is RecordKind.REMARK]
        spoken_of = self._keep(self._history.before(remarks, limit=1)) if remarks else []
        return [m for m in found if m.kind is not RecordKind.REMARK] + spoken_of

    def _closure(
        self,
        level: Collection[Materialization],
        further: Callable[[Collection[Materialization]], list[Materialization]],
        direction: str,
    ) -> list[Materialization]:
        reached = {(m.ref, m.at): m for m in level}
        for _ in range(MOST_LEVELS):
            if not level:
                break
            fresh = {(m.ref, m.at): m for m in further(level) if (m.ref, m.at) not in reached}
            level = sorted(fresh.values(), key=lambda m: (m.at, m.ref))
            room = MOST_RECORDS - len(reached)
            if len(level) > room:
                self._cuts[f"{direction}: more than {MOST_RECORDS:,} records"] = None
                level = level[-room:] if room > 0 else []
            reached.update(((m.ref, m.at), m) for m in level)
        if level:
            self._cuts[f"{direction}: stopped after {MOST_LEVELS} levels"] = None
        return list(reached.values())

    def _keep(self, records: Iterable[Materialization]) -> list[Materialization]:
        kept = list(records)
        self._found.update(((m.ref, m.at), m) for m in kept)
        return kept


def _inputs(records: Iterable[Materialization]) -> set[Ref]:
    return {Ref(asset=asset, id=storage_id) for m in records for asset, storage_id in m.inputs.items()}


def _places(records: Iterable[Materialization]) -> set[tuple[str, str | None]]:
    return {(m.asset, m.partition) for m in records}
