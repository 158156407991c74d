"""What speaks for a record having gone wrong: failed checks, and differences from the previous good one.

Each signal is a sentence with a weight. Which record is to blame is decided in `rootcause`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import log
from statistics import median

from incident_ops.core.alert import Nature
from incident_ops.core.provenance import Evaluation, Materialization
from incident_ops.core.schema_diff import schema_diff
from incident_ops.core.status import CauseClass


class SignalKind(StrEnum):
    FAILED_CHECK = "failed_check"
    CODE_VERSION = "code_version"
    DBT_CHECKSUM = "dbt_checksum"
    SCHEMA = "schema"
    VOLUME = "volume"
    RUN_ERROR = "run_error"
    INTERRUPTED = "interrupted"
    FRESHNESS = "freshness"
    CATALOG = "catalog"
    ASSET_GONE = "asset_gone"
    OWNER = "owner"
    CONFIG = "config"
    TAGS = "tags"
    RECURRENCE = "recurrence"


CODE_CHANGES = frozenset({SignalKind.CODE_VERSION, SignalKind.DBT_CHECKSUM})
OF_CATALOG = frozenset({SignalKind.CATALOG, SignalKind.ASSET_GONE, SignalKind.OWNER})
CHANGES = CODE_CHANGES | OF_CATALOG | {SignalKind.CONFIG, SignalKind.TAGS}
"""What somebody did, as against what was then seen of it."""

CLASS_OF: Mapping[SignalKind, CauseClass] = {
    **dict.fromkeys(CHANGES - {SignalKind.OWNER}, CauseClass.CODE),
    SignalKind.FAILED_CHECK: CauseClass.DATA,
    SignalKind.SCHEMA: CauseClass.DATA,
    SignalKind.VOLUME: CauseClass.DATA,
    SignalKind.RUN_ERROR: CauseClass.OPERATIONAL,
    SignalKind.INTERRUPTED: CauseClass.OPERATIONAL,
    SignalKind.FRESHNESS: CauseClass.OPERATIONAL,
}

# What was seen broken counts most, a declared change of code next; what changes for many harmless reasons least.
FAILED, BROKEN, FAR_OUT, OUT_OF_BAND = 3.0, 3.0, 3.0, 1.5
CODE, OPERATIONAL = 2.0, 2.0
CATALOG, CONFIG, FAILED_WARN = 1.0, 1.0, 1.0
SLIGHT = 0.5
OWNED = 0.2  # by others than before: whom to ask, hardly why
LEAST = 1.0  # below it, evidence names nobody: a tag of the run, an added column, what came with the input
SAID = 0.0  # it is different and told, and held against nobody

_LATE = frozenset({Nature.FRESHNESS, Nature.VOLUME})
EXPLAINS: Mapping[SignalKind, frozenset[Nature]] = {
    SignalKind.FRESHNESS: _LATE,
    SignalKind.RUN_ERROR: _LATE | {Nature.PIPELINE},
    SignalKind.INTERRUPTED: _LATE | {Nature.PIPELINE},
    SignalKind.ASSET_GONE: _LATE | {Nature.PIPELINE},
}
"""Which symptoms a signal of a kind that holds data back can explain; the other kinds change data."""

MOST_COUNTS = 30  # a month of daily builds
ENOUGH_COUNTS = 5  # from here on the counts themselves say how much they vary
MANY_COUNTS = 8
SMALL = 5  # rows added to both sides, so that 3 rows instead of 1 are no tripling
WIDTH = 4.0  # median ± 4 robust standard deviations; 1.4826 makes the MAD one of those
LEAST_WIDTH = log(1.3)
TWOFOLD, FIVEFOLD = log(2), log(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One piece of evidence.

    Attributes:
        summary: one sentence for people.
        weight: how much it speaks, compared with the others (0.5 slight, 3 broken for all to see).
        decisive: alone it is enough to call its record broken.
        change: of a volume, the natural logarithm of the factor (negative: fewer rows).
        columns: of a schema, the columns that are no longer what they were.
    """

    kind: SignalKind
    summary: str
    weight: float
    decisive: bool = False
    change: float = 0.0
    columns: frozenset[str] = frozenset()

    @property
    def cause_class(self) -> CauseClass | None:
        return CLASS_OF.get(self.kind)

    def explains(self, nature: Nature) -> bool:
        """Can it explain a symptom of this nature on a record that was built?"""
        return nature in EXPLAINS.get(self.kind, Nature)

    @property
    def explains_absence(self) -> bool:
        """Can it explain that a record was not built in time?"""
        return self.kind in EXPLAINS


def differences(
    record: Materialization,
    good: Materialization,
    *,
    earlier: Sequence[Materialization] = (),
    was_read: bool = False,
    is_dbt: bool = False,
) -> tuple[Signal, ...]:
    """What is different in `record` from the previous good record of the asset; of weight 0 what is but unusual.

    Args:
        earlier: the asset's good records before `record`, oldest first. They say how much its row count varies and
            what changes from build to build anyway: a configuration, a tag or a version that does is no news.
        was_read: the reader's earlier builds were made of `good`. If they were not, what is again as it was before
            `good` is a return to the usual.
        is_dbt: the code version is the checksum of a dbt model.
    """
    found = (
        _code(record, good, earlier, was_read=was_read, is_dbt=is_dbt),
        _schema(record, good, earlier, was_read=was_read),
        _volume(record, good, earlier),
        _config(record, good, earlier, was_read=was_read),
        *_tags(record, good, earlier, was_read=was_read),
    )
    return tuple(signal for signal in found if signal is not None)


def failed_checks(
    verdicts: Iterable[Evaluation], *, known_before: frozenset[str] = frozenset()
) -> tuple[Signal, ...]:
    """The checks that failed on that very record, but for those that had failed before without harm."""
    return tuple(
        Signal(
            kind=SignalKind.FAILED_CHECK,
            summary=f"check {verdict.check} failed on it" + (f": {verdict.summary}" if verdict.summary else ""),
            weight=FAILED if verdict.is_bad else FAILED_WARN,
            decisive=verdict.is_bad,
        )
        for verdict in verdicts
        if not verdict.passed and verdict.check not in known_before
    )


def _code(
    record: Materialization,
    good: Materialization,
    earlier: Sequence[Materialization],
    *,
    was_read: bool,
    is_dbt: bool,
) -> Signal | None:
    before, after = good.code_version, record.code_version
    if before is None or after is None or before == after:
        return None
    name = "dbt model checksum" if is_dbt else "declared code version"
    versions = [m.code_version for m in earlier]
    weight = SLIGHT if _changes_often(versions) else CODE
    return Signal(
        kind=SignalKind.DBT_CHECKSUM if is_dbt else SignalKind.CODE_VERSION,
        summary=f"{name} {_short(before)} → {_short(after)}",
        weight=SAID if after in versions and not was_read else weight,
    )


def _schema(
    record: Materialization, good: Materialization, earlier: Sequence[Materialization], *, was_read: bool
) -> Signal | None:
    if record.columns is None or good.columns is None:
        return None
    diff = schema_diff(good.columns, record.columns)
    if not diff:
        return None
    if not was_read and any(m.columns is not None and not schema_diff(m.columns, record.columns) for m in earlier):
        return Signal(kind=SignalKind.SCHEMA, summary=str(diff), weight=SAID, columns=diff.lost)
    return Signal(
        kind=SignalKind.SCHEMA,
        summary=str(diff),
        weight=BROKEN if diff.is_breaking else SLIGHT,
        decisive=diff.is_breaking,
        columns=diff.lost,
    )


def _volume(record: Materialization, good: Materialization, earlier: Sequence[Materialization]) -> Signal | None:
    """Out of the band of the earlier counts (median ± 4 × 1.4826 MAD of their logarithms, at least 30 %), or with
    less than five of them less than half or more than twice the nearest of them: a step back to where they were is
    none. The counts of one partition say little of another's, so between partitions there is no verdict without a
    band."""
    before, after = good.row_count, record.row_count
    counts = [m.row_count for m in earlier if m.row_count is not None][-MOST_COUNTS:]
    step = None if before is None or after is None else _log(after) - _log(before)
    if step is None or before is None or after is None or abs(step) < LEAST_WIDTH:
        return None
    if len(counts) >= ENOUGH_COUNTS:
        middle = median(map(_log, counts))
        spread = 1.4826 * median(abs(_log(count) - middle) for count in counts)
        change, width = _log(after) - middle, max(WIDTH * spread, LEAST_WIDTH)
    elif good.partition != record.partition:
        return None
    else:
        change, width = min((_log(after) - _log(count) for count in (before, *counts)), key=abs), TWOFOLD
    if abs(change) < width and not (after == 0 and 0 not in counts):
        return Signal(kind=SignalKind.VOLUME, summary=_rows(before, after), weight=SAID, change=change)
    is_far = abs(change) >= FIVEFOLD or (len(counts) >= MANY_COUNTS and abs(change) >= TWOFOLD)
    return Signal(
        kind=SignalKind.VOLUME,
        summary=_rows(before, after),
        weight=FAR_OUT if is_far else OUT_OF_BAND,
        decisive=is_far,
        change=change,
    )


def _config(
    record: Materialization, good: Materialization, earlier: Sequence[Materialization], *, was_read: bool
) -> Signal | None:
    if not record.config or not good.config or record.config == good.config:
        return None
    past = [m.config for m in earlier]
    if _changes_often(past):
        return None
    weight = SAID if record.config in past and not was_read else CONFIG
    return Signal(kind=SignalKind.CONFIG, summary="the run's configuration changed", weight=weight)


def _tags(
    record: Materialization, good: Materialization, earlier: Sequence[Materialization], *, was_read: bool
) -> Iterable[Signal]:
    for key in sorted(record.tags.keys() | good.tags.keys()):
        before, after = good.tags.get(key), record.tags.get(key)
        past = [m.tags.get(key) for m in earlier]
        if before != after and not _changes_often(past):
            text = f"tag {key} of the run {_short(before or 'absent')} → {_short(after or 'absent')}"
            weight = SAID if after in past and not was_read else SLIGHT
            yield Signal(kind=SignalKind.TAGS, summary=text, weight=weight)


def _changes_often(values: Sequence[object]) -> bool:
    """In at least every third of the last steps; a single step is no habit."""
    last = values[-MOST_COUNTS:]
    changed = Counter(a != b for a, b in pairwise(last))
    return changed[True] >= 2 and changed[True] * 3 >= changed.total()


def _log(rows: int) -> float:
    return log(max(rows, 0) + SMALL)


def _rows(before: int, after: int) -> str:
    if before <= 0:
        return f"rows {before:,} → {after:,}"
    percent = round(100 * (after - before) / before)
    return f"rows {before:,} → {after:,} ({'−' if percent < 0 else '+'}{abs(percent):,} %)"


def _short(value: str) -> str:
    is_digest = len(value) >= 20 and all(c in "0123456789abcdef" for c in value)
    return value[:7] if is_digest else value[:40]
