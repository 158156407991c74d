"""What one symptom holds against the records it was built from: the signals on each, and whose own they are.

The walk is `upstream`'s, the wording of signals `signals`'; suspects are made of charges in `rootcause`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import copysign
from types import MappingProxyType

from incident_ops.core.alert import AlertKind, ErrorClass, Nature
from incident_ops.core.provenance import Materialization, Provenance
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.rootcause.signals import (
    CATALOG,
    CHANGES,
    OPERATIONAL,
    OUT_OF_BAND,
    OWNED,
    Signal,
    SignalKind,
    differences,
    failed_checks,
)
from incident_ops.core.rootcause.upstream import Place, Step, Walk

LOOK_BACK = timedelta(days=7)
"""How far back a change counts as recent where no good record says since when."""

NOTICED_LATE = timedelta(minutes=10)
"""A change of the catalog is noticed at the next reading, one of which may fail: so long after it was made."""

CARRIED = 0.2  # an oddity that the record's own input has already says little against the record
GUESSED = 0.5  # against what is proved, what only the time suggests
UNSEEN = 0.7  # per hop, for a change of which nothing was seen in the data: the near one is likelier
SEEN = 0.95  # per hop, for what was seen in the data: the far one is nearly as likely
ALSO_SAYS = 0.5  # the same error as here
OWN_ERROR = 1.0  # that its own code raised is hardly more than the symptom; what its input lacks says more

SYMPTOMATIC = frozenset({SignalKind.FAILED_CHECK, SignalKind.VOLUME, SignalKind.FRESHNESS})
"""On the failing asset itself these are what was seen, not why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An alert on a run or on freshness, as evidence: it lasted from `at` until `until` (None: still does)."""

    asset: str
    kind: AlertKind
    at: datetime
    summary: str
    until: datetime | None = None
    partition: str | None = None
    run_id: str | None = None
    error_class: ErrorClass | None = None
    error_signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeen:
    """A change of the catalog, noticed at `at`; `kind` is one of `OF_CATALOG`."""

    asset: str
    at: datetime
    kind: SignalKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known beside the records.

    Attributes:
        dbt_assets: those whose code version is the checksum of a dbt model.
        feeding: asset → its columns that the columns known to be bad are made of, as far as that is known.
        earlier: incidents with the same fingerprint.
    """

    troubles: tuple[Trouble, ...] = ()
    changes: tuple[ChangeSeen, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    dbt_assets: Collection[str] = frozenset()
    feeding: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one symptom's walk holds against one record; `own` is what its inputs do not show."""

    step: Step
    evidence: tuple[Signal, ...]
    own: tuple[Signal, ...]
    score: float

    @property
    def own_weight(self) -> float:
        return sum(signal.weight for signal in self.own)


class Case:
    """One symptom: its walk, and the charges that come of it."""

    def __init__(self, walk: Walk, provenance: Provenance, context: Context) -> None:
        self.walk, self._history, self._context = walk, provenance, context
        self._signals = {place: tuple(self._signals_at(step)) for place, step in walk.steps.items()}
        self._above = self._signals_above()
        self.charges = {place: self._charge(step) for place, step in walk.steps.items() if self._signals[place]}

    def _signals_at(self, step: Step) -> Iterator[Signal]:
        found = [*self._of_record(step), *self._of_troubles(step), *self._of_catalog(step)]
        relevant = [s for s in found if self._explains(s, step) and self._touches(s, step.asset)]
        if step.before is None and all(s.kind in SYMPTOMATIC for s in relevant):
            return  # the symptom itself, seen once more
        yield from relevant

    def _of_record(self, step: Step) -> Iterator[Signal]:
        if step.record is None:
            return
        if step.before is not None:
            known = self._history.verdicts_on(step.verified) if step.verified else []
            names = frozenset(verdict.check for verdict in known if not verdict.passed)
            yield from failed_checks(self._history.verdicts_on(step.record), known_before=names)
        if step.good is not None and step.good != step.record:
            earlier = self._good_ones_until(step.good, step.record.partition)
            is_dbt = step.asset in self._context.dbt_assets
            yield from differences(step.record, step.good, earlier=earlier, is_dbt=is_dbt)

    def _good_ones_until(self, good: Materialization, partition: str | None) -> list[Materialization]:
        """Not those after it: they may be bad like the record in question, with nobody to say so."""
        of_all = self._history.records(good.asset)
        earlier = [m for m in of_all if (m.at, m.id) <= (good.at, good.id) and not self._history.is_bad(m)]
        same = [m for m in earlier if m.partition == partition]
        return same or earlier

    def _of_troubles(self, step: Step) -> Iterator[Signal]:
        for trouble in sorted(self._context.troubles, key=lambda t: (t.at, t.kind, t.summary)):
            if trouble.asset != step.asset or not self._concerns(trouble, step):
                continue
            if trouble.kind is AlertKind.FRESHNESS:
                yield Signal(kind=SignalKind.FRESHNESS, summary=trouble.summary, weight=OPERATIONAL)
            elif trouble.kind in (AlertKind.RUN_FAILED, AlertKind.NOT_MATERIALIZED):
                yield self._run_error(trouble, is_own=step.before is None)

    def _concerns(self, trouble: Trouble, step: Step) -> bool:
        """It lasted when the step was read; a run's error also speaks for what that very run had built."""
        if step.record is not None and trouble.partition not in (None, step.partition):
            return False
        is_its_run = (
            step.record is not None and trouble.run_id is not None and trouble.run_id == step.record.run_id
        )
        lasted = trouble.at <= step.read_at and (trouble.until is None or trouble.until > step.read_at)
        is_after = step.record is None or trouble.at >= step.record.at or trouble.kind is AlertKind.FRESHNESS
        return is_its_run or (lasted and is_after)

    def _run_error(self, trouble: Trouble, *, is_own: bool) -> Signal:
        cause = f" ({trouble.error_class.value.replace('_', ' ')})" if trouble.error_class else ""
        signature = self.walk.symptom.error_signature
        is_same = bool(signature) and trouble.error_signature == signature and not is_own
        was_stopped = trouble.error_class in (ErrorClass.INTERRUPTED, ErrorClass.DIED)
        weight = OWN_ERROR if is_own and not was_stopped else OPERATIONAL
        return Signal(
            kind=SignalKind.INTERRUPTED if was_stopped else SignalKind.RUN_ERROR,
            summary=f"its run failed{cause}: {trouble.summary}{', the same error as here' if is_same else ''}",
            weight=weight + (ALSO_SAYS if is_same else 0),
        )

    def _of_catalog(self, step: Step) -> Iterator[Signal]:
        """What was built before a change cannot have come of it, nor can what the last good build had read too.
        Of an asset that is gone there will be nothing newer."""
        until = self.walk.symptom.occurred_at
        since = step.good.at if step.good else until - LOOK_BACK
        for change in sorted(self._context.changes, key=lambda c: (c.at, c.kind, c.text)):
            if change.asset == step.asset and since < change.at <= until and _can_have_made(change, step):
                yield Signal(kind=change.kind, summary=change.text, weight=_WEIGHT_OF[change.kind])

    def _explains(self, signal: Signal, step: Step) -> bool:
        """What is late is late for want of data. But a check of freshness that failed on a record looked at what
        was built, so what that was made of counts too."""
        symptom = self.walk.symptom
        is_absence = symptom.nature is Nature.FRESHNESS and (symptom.materialization is None or step.guesses > 0)
        return signal.explains(symptom.nature) and (signal.explains_absence or not is_absence)

    def _touches(self, signal: Signal, asset: str) -> bool:
        """A schema that changed in columns which the bad ones are not made of explains nothing."""
        feeding = self._context.feeding.get(asset)
        return feeding is None or not signal.columns or bool(signal.columns & feeding)

    def _signals_above(self) -> dict[Place, list[Signal]]:
        """Of each record, the signals on whatever it was built from. Records in a circle are above each other."""
        readers: defaultdict[Place, list[Place]] = defaultdict(list)
        for reader, read in self.walk.inputs.items():
            for place in read:
                readers[place].append(reader)
        above: defaultdict[Place, list[Signal]] = defaultdict(list)
        for place, signals in self._signals.items():
            if signals:
                for below in _all_below(place, readers):
                    above[below].extend(signals)
        return dict(above)

    def _charge(self, step: Step) -> Charge:
        signals, above = self._signals[step.place], self._above.get(step.place, [])
        own = tuple(signal for signal in signals if not _is_carried(signal, above))
        weight = sum(signal.weight * (1 if signal in own else CARRIED) for signal in signals)
        is_seen = any(signal.kind not in CHANGES for signal in signals)
        score = weight * (SEEN if is_seen else UNSEEN) ** step.hops * (GUESSED if step.guesses else 1)
        return Charge(step=step, evidence=signals, own=own, score=score)


_WEIGHT_OF = {SignalKind.CATALOG: CATALOG, SignalKind.ASSET_GONE: CATALOG, SignalKind.OWNER: OWNED}


def _can_have_made(change: ChangeSeen, step: Step) -> bool:
    if step.record is None or change.kind is SignalKind.ASSET_GONE:
        return True
    return step.record != step.good and change.at <= step.record.at + NOTICED_LATE


def _all_below(place: Place, readers: Mapping[Place, Sequence[Place]]) -> set[Place]:
    seen: set[Place] = set()
    waiting = [place]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader not in seen and reader != place:
                seen.add(reader)
                waiting.append(reader)
    return seen


def _is_carried(signal: Signal, above: Iterable[Signal]) -> bool:
    """Did it come with the input? A change of code does not, nor does the loss of a worker; fewer rows do when
    there, in the logarithm, at least half as much is missing."""
    if signal.kind in CHANGES or signal.kind is SignalKind.INTERRUPTED:
        return False
    if signal.kind is SignalKind.VOLUME:
        return any(_is_the_same_move(signal, other) or other.kind is SignalKind.FAILED_CHECK for other in above)
    if signal.kind is SignalKind.SCHEMA:
        return any(other.kind is SignalKind.SCHEMA for other in above)
    return any(other.kind not in CHANGES and other.weight >= OUT_OF_BAND for other in above)


def _is_the_same_move(signal: Signal, other: Signal) -> bool:
    if other.kind is not SignalKind.VOLUME or copysign(1, signal.change) != copysign(1, other.change):
        return False
    return abs(other.change) * 2 >= abs(signal.change)
