"""Volume: how many rows a table has, and how many it gains from build to build, against what is usual."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Literal, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.anomaly.judgement import Series
from incident_ops.core.growth import gains_to, is_cumulative
from incident_ops.core.metrics import ROW_COUNT, Measured
from incident_ops.detectors.attributing import AttributionOptions, attributed_change
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.learnt import LearntOptions, Memory
from incident_ops.detectors.options import besides, only, require_whole, with_usable_options
from incident_ops.detectors.reading import ReadOptions
from incident_ops.detectors.row_counts import ROW_INCREMENT, counted, peers_in_run, reported_history, reported_rows
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, targets_of

OUT = 0.5
"""The score of what is out by a rule that has no degrees."""


class VolumeOptions(CheckOptions, LearntOptions, ReadOptions, AttributionOptions, total=False):
    """Options of checks, of learning, of reading and of attribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    measured: Measured
    passed: bool
    reason: str
    is_mild: bool = False


@with_usable_options
def build_volume_checks(
    assets: Assets,
    *,
    min_rows: int | None = None,
    max_rows: int | None = None,
    peers: Literal["same job"] | None = "same job",
    **options: Unpack[VolumeOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `volume` for each asset: its row count and the increment of it against learnt bounds.

    The count is the one that the build reported (`dagster/partition_row_count` for a partition, else
    `dagster/row_count`; no scan), else one count where the data is. The history is what the check measured before
    and, from its first day, what past builds reported: a point for each partition of time (its last build counts),
    else for each build. The bounds are `core.anomaly.judge`'s; until there are enough points the check says
    "learning, n of m" and passes. An old partition that is built again is as usual where it is in line with the
    partitions before it or with those after it.

    Whether a table is *cumulative* or *replaced* is told by its history: it is cumulative where of its last gains
    (at least 5, at most 60) no more than a tenth are losses and their median is above zero. Of a cumulative table
    the increment (rows, to the build before) is judged too: it fails when it stops growing, grows more than usual,
    or loses rows. A build after a wrong one is also held to its increment per build since the last right one, and
    the milder reading counts: it may make good what was missing.

    An empty table fails as a WARN, whatever `severity` says, while nothing is learnt and it was never seen empty
    before: an empty first build is seldom meant.

    Where the check counts a partition of time by itself, on DuckDB, a failure also says which slices have fewer or
    more rows than the partition of a week before, or the one before, or that no single slice does.

    Args:
        min_rows, max_rows: hard limits of the count, both included, which hold from the first build on.
        peers: `same job`, the default: the other assets of this call that the same run built, up to six of those
            that report row counts, say what kind of day it is. A check that runs with the build knows those that
            are built already. None: each is judged by itself.
        options: `sensitivity`, `holidays` and `history` (`LearntOptions`); where the data is (`ReadOptions`),
            of which nothing is read when builds report their counts, except with `where`; `dimensions`
            (`AttributionOptions`); and those of every check (`CheckOptions`).

    Raises:
        DetectorError: limits that exclude each other, an option that cannot be used, or no assets.
    """
    for name, limit in {"min_rows": min_rows, "max_rows": max_rows}.items():
        if limit is not None:
            require_whole(name, limit, least=0)
    if min_rows is not None and max_rows is not None and min_rows > max_rows:
        raise DetectorError(f"min_rows={min_rows} is above max_rows={max_rows}")
    if peers not in ("same job", None):
        raise DetectorError(f"peers={peers!r} is neither 'same job' nor None")
    targets = targets_of(assets, among=options.get("among", ()))
    learnt, read = only(options, LearntOptions), only(options, ReadOptions)

    def look(scope: Scope) -> Finding:
        total = float(counted(scope, read))
        memory = Memory.of(scope, learnt, more=[] if "where" in read else reported_history(scope))
        company = peers_in_run(scope, targets) if peers is not None and "where" not in read else []
        verdicts = [_total(scope, memory, total, company), *_increment(scope, memory, total)]
        verdicts[0] = _limited(_not_empty_at_first(verdicts[0], memory, scope), min_rows, max_rows)
        finding = _finding(verdicts)
        if verdicts[0].passed or reported_rows(scope, read) is not None:
            return finding
        slices = attributed_change(scope, read, dimensions=options.get("dimensions"), wrong=memory.wrong)
        return replace(finding, metadata={**finding.metadata, **slices})

    return build_checks(
        targets,
        look,
        nature=Nature.VOLUME,
        name="volume",
        description="Row count and its increment against what is usual",
        options=besides(options, LearntOptions, ReadOptions, AttributionOptions),
    )


def _total(scope: Scope, memory: Memory, total: float, peers: Sequence[Series]) -> _Verdict:
    measured, judgement = memory.judged(scope, ROW_COUNT, total, unit="rows", peers=peers)
    reason = f"{_rows(total)}, {judgement.reason}" if judgement.learning else judgement.reason
    return _Verdict(measured=measured, passed=not judgement.anomalous, reason=reason)


def _increment(scope: Scope, memory: Memory, total: float) -> list[_Verdict]:
    """The milder reading of the increment; one that always passes where the table is not cumulative, since it may
    be seen to be one later; none for the first build."""
    training = memory.training(ROW_COUNT)
    before = [(at, rows) for at, rows in training.history if at < scope.at]
    gains = gains_to(total, before, wrong=_wrong(memory, accepted_from=training.accepted_from))
    if not gains:
        return []
    if not is_cumulative(before):
        return [_Verdict(measured=Measured(metric=ROW_INCREMENT, value=gains[0]), passed=True, reason="")]
    readings = [(gain, *memory.judged(scope, ROW_INCREMENT, gain, unit="rows")) for gain in gains]
    gain, measured, judgement = min(readings, key=lambda reading: reading[1].score)
    since = "the build before" if gain == gains[0] else "the last build in order, for each build since"
    verb = "grew by" if gain >= 0 else "changed by"
    return [
        _Verdict(
            measured=measured,
            passed=not judgement.anomalous,
            reason=f"of {_rows(total)}, it {verb} {judgement.reason}, since {since}",
        )
    ]


def _wrong(memory: Memory, *, accepted_from: datetime | None) -> set[datetime]:
    return {at for at in memory.wrong if accepted_from is None or at < accepted_from}


def _not_empty_at_first(verdict: _Verdict, memory: Memory, scope: Scope) -> _Verdict:
    knows_bounds = (verdict.measured.low, verdict.measured.high) != (-inf, inf)
    if verdict.measured.value > 0 or knows_bounds or not verdict.passed:
        return verdict
    before = [rows for at, rows in memory.training(ROW_COUNT).history if at != scope.at]
    if 0 in before:
        return verdict
    seen = f"the {len(before)} builds before had {_range(before)}" if before else "on its first build"
    return replace(
        verdict,
        measured=replace(verdict.measured, score=OUT),
        passed=False,
        reason=f"no rows, {seen}",
        is_mild=True,
    )


def _limited(verdict: _Verdict, min_rows: int | None, max_rows: int | None) -> _Verdict:
    rows = verdict.measured.value
    if min_rows is not None and rows < min_rows:
        reason = f"{_rows(rows)}, fewer than the {min_rows:,} there must be"
    elif max_rows is not None and rows > max_rows:
        reason = f"{_rows(rows)}, more than the {max_rows:,} there may be"
    else:
        return verdict
    measured = replace(verdict.measured, score=max(OUT, verdict.measured.score))
    return _Verdict(measured=measured, passed=False, reason=reason)


def _finding(verdicts: Sequence[_Verdict]) -> Finding:
    failed = [verdict for verdict in verdicts if not verdict.passed]
    is_mild = bool(failed) and all(verdict.is_mild for verdict in failed)
    return Finding(
        passed=not failed,
        summary="; ".join(verdict.reason for verdict in failed or verdicts[:1]),
        severity=dg.AssetCheckSeverity.WARN if is_mild else None,
        metadata={verdict.measured.metric: int(verdict.measured.value) for verdict in verdicts},
        metrics=[verdict.measured for verdict in verdicts],
    )


def _rows(count: float) -> str:
    return f"{count:,.0f} row{'' if count == 1 else 's'}"


def _range(counts: Sequence[float]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,.0f}" if least == most else f"{least:,.0f}–{most:,.0f}"
