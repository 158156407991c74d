"""What one symptom holds against the records it was built from: the signals on each, and whose own they are.

The walk is `upstream`'s, the wording of signals `signals`'; suspects are made of charges in `rootcause`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from incident_ops.core.alert import Nature
from incident_ops.core.provenance import Materialization, Provenance
from incident_ops.core.rootcause.carried import is_carried, signals_above
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.rootcause.signals import (
    CATALOG,
    CHANGES,
    LEAST,
    OWNED,
    Signal,
    SignalKind,
    differences,
    failed_checks,
)
from incident_ops.core.rootcause.troubles import Trouble, trouble_signal, with_troubles
from incident_ops.core.rootcause.upstream import Step, Walk

LOOK_BACK = timedelta(days=7)
"""How far back a change counts as recent where no good record says since when."""

NOTICED_LATE = timedelta(minutes=10)
"""A change of the catalog is noticed at the next reading, one of which may fail: so long after it was made."""

CARRIED = 0.2  # an oddity that the record's own input has already says little against the record
GUESSED = 0.5  # against what is proved, what only the time suggests
UNSEEN = 0.7  # per hop, for a change of which nothing was seen in the data: the near one is likelier
SEEN = 0.95  # per hop, for what was seen in the data: the far one is nearly as likely

SYMPTOMATIC = frozenset({SignalKind.FAILED_CHECK, SignalKind.VOLUME, SignalKind.FRESHNESS})
"""On the failing asset itself these are what was seen, not why."""


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
        self._history, self._context = provenance, context
        self._walked = walk.steps.keys()
        self.walk, self._troubles = with_troubles(walk, context.troubles)
        steps = self.walk.steps
        self._seen = {place: tuple(self._seen_at(step)) for place, step in steps.items()}
        self._signals = {place: self._held_against(step) for place, step in steps.items()}
        self._above = signals_above(self.walk.inputs, self._signals)
        self.charges = {place: self._charge(step) for place, step in steps.items() if self._signals[place]}

    @property
    def sightings(self) -> Iterator[tuple[Step, Signal]]:
        """All that is different on the way, also what explains nothing; but for the symptom itself."""
        for place, signals in self._seen.items():
            step = self.walk.steps[place]
            yield from ((step, s) for s in signals if not (self.is_failing(step) and s.kind in SYMPTOMATIC))

    def _seen_at(self, step: Step) -> Iterator[Signal]:
        yield from self._of_record(step)
        yield from self._of_troubles(step)
        if step.place in self._walked:
            yield from self._of_catalog(step)

    def _held_against(self, step: Step) -> tuple[Signal, ...]:
        found = [s for s in self._seen[step.place] if s.weight > 0]
        relevant = [s for s in found if self._explains(s, step) and self._touches(s, step.asset)]
        was_done = sum(s.weight for s in relevant if s.kind not in SYMPTOMATIC)
        if self.is_failing(step) and was_done < LEAST:
            return ()  # the symptom itself, seen once more
        return tuple(relevant)

    def is_failing(self, step: Step) -> bool:
        """Is it a build of the failing asset, this one or an earlier one?"""
        return step.asset == self.walk.symptom.asset

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
            was_read = step.good == step.verified or self._was_read(step.good, step.before)
            yield from differences(step.record, step.good, earlier=earlier, was_read=was_read, is_dbt=is_dbt)

    def _was_read(self, good: Materialization, reader: Step | None) -> bool:
        return reader is not None and any(m.asset == reader.asset for m in self._history.built_from(good))

    def _good_ones_until(self, good: Materialization, partition: str | None) -> list[Materialization]:
        """Not those after it: they may be bad like the record in question, with nobody to say so."""
        of_all = self._history.records(good.asset)
        earlier = [m for m in of_all if (m.at, m.id) <= (good.at, good.id) and not self._history.is_bad(m)]
        same = [m for m in earlier if m.partition == partition]
        return same or earlier

    def _of_troubles(self, step: Step) -> Iterator[Signal]:
        for trouble in self._troubles[step.place]:
            signal = trouble_signal(trouble, self.walk.symptom, is_own=self.is_failing(step))
            if signal is not None:
                yield signal

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

    def _charge(self, step: Step) -> Charge:
        signals, above = self._signals[step.place], self._above.get(step.place, [])
        own = tuple(signal for signal in signals if not is_carried(signal, above))
        weight = sum(signal.weight * (1 if signal in own else CARRIED) for signal in signals)
        is_seen = any(signal.kind not in CHANGES for signal in signals)
        score = weight * (SEEN if is_seen else UNSEEN) ** step.hops * (GUESSED if step.guesses else 1)
        return Charge(step=step, evidence=signals, own=own, score=score)


_WEIGHT_OF = {SignalKind.CATALOG: CATALOG, SignalKind.ASSET_GONE: CATALOG, SignalKind.OWNER: OWNED}


def _can_have_made(change: ChangeSeen, step: Step) -> bool:
    if step.record is None or change.kind is SignalKind.ASSET_GONE:
        return True
    return step.record != step.good and change.at <= step.record.at + NOTICED_LATE
