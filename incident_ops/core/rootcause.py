"""Who is to blame? Suspects with path and evidence, best first, or the honest answer that none was found.

`upstream` finds the records, `signals` what is odd about each; here the odd ones are ranked. When an incident moves
its root to a suspect is told in docs/adr/0008.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import copysign
from types import MappingProxyType

from incident_ops.core.alert import AlertKind, ErrorClass, Nature
from incident_ops.core.changes import Change, rank_changes
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization, Provenance, Ref
from incident_ops.core.recurrence import Earlier, recurrence
from incident_ops.core.signals import (
    CATALOG,
    CHANGES,
    CODE_CHANGES,
    OPERATIONAL,
    Signal,
    SignalKind,
    differences,
    failed_checks,
)
from incident_ops.core.status import CauseClass
from incident_ops.core.trail import Confidence, Hop, confidence_of
from incident_ops.core.upstream import Place, Step, Symptom, Walk, walk_upstream

LOOK_BACK = timedelta(days=7)
"""How far back a change counts as recent where no good record says since when."""

LEAST = 1.0  # evidence that names nobody: a tag of the run, an added column
CARRIED = 0.2  # an oddity that the record's own input has already says little against the record
GUESSED = 0.5  # against what is proved, what only the time suggests
UNSEEN = 0.7  # per hop, for a change of which nothing was seen in the data: the near one is likelier
SEEN = 0.95  # per hop, for what was seen in the data: the far one is nearly as likely
ALSO_SAYS = 0.5  # the same error as here
MOST_SUSPECTS = 10
MOST_NAMED = 5


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
    """A change of the catalog that bears on what an asset is built from; one of owners or wording does not."""

    asset: str
    at: datetime
    kind: str
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


NOTHING_ELSE = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A record that may be the cause.

    Attributes:
        materialization: its storage id; None for an asset that was not built.
        path: from the failing asset to the suspect.
        explains: how many of the symptoms lead here.
        is_origin: something is wrong here that was not wrong in its inputs.
        is_broken: the evidence suffices to call the record itself broken.
    """

    asset: str
    materialization: int | None
    cause_class: CauseClass | None
    confidence: Confidence
    path: tuple[Hop, ...]
    evidence: tuple[Signal, ...]
    score: float
    explains: int = 1
    is_origin: bool = True
    is_broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Suspects, best first (empty: unknown), what was looked at, and whether it happened before."""

    suspects: tuple[Suspect, ...]
    looked_at: str
    recurrence: str | None = None
    symptoms: int = 1

    @property
    def cause_class(self) -> CauseClass | None:
        return self.suspects[0].cause_class if self.suspects else None

    @property
    def confidence(self) -> Confidence:
        return self.suspects[0].confidence if self.suspects else Confidence.UNKNOWN

    @property
    def proven_root(self) -> tuple[str, int | None] | None:
        """Where the incident's root belongs: the first suspect, if pointers prove the path from every symptom,
        the trouble begins there, and the evidence calls the record broken. None: the root stays."""
        first = self.suspects[0] if self.suspects else None
        if first is None or first.confidence is not Confidence.PROVED or first.explains < self.symptoms:
            return None
        is_enough = first.is_origin and (first.is_broken or len(first.path) == 1)
        return (first.asset, first.materialization) if is_enough else None


def investigate(
    symptoms: Sequence[Symptom],
    provenance: Provenance,
    *,
    graph: AssetGraph,
    context: Context = NOTHING_ELSE,
    now: datetime,
) -> Findings:
    """Walk up from each symptom and rank what is odd on the way. The order of the symptoms changes nothing.

    The score of a record is the sum of its signals' weights, where a signal that one of its inputs shows too counts
    a fifth (a carrier is not the origin); times .95 per hop, or .7 where nothing but a change of code is known; half
    where a hop is known from time only; times the share of the symptoms that lead there. Ties go to the nearer one,
    then by asset and id.
    """
    ordered = sorted(set(symptoms), key=lambda s: (s.asset, s.occurred_at, repr(s)))
    cases = [_Case(walk_upstream(s, provenance, graph), provenance, context) for s in ordered]
    suspects = _ranked(cases, graph)
    text = recurrence(context.earlier, now)
    if text and suspects:
        again = Signal(kind=SignalKind.RECURRENCE, summary=text, weight=0)
        suspects[0] = replace(suspects[0], evidence=(*suspects[0].evidence, again))
    return Findings(
        suspects=tuple(suspects[:MOST_SUSPECTS]),
        looked_at=_looked_at([case.walk for case in cases], is_clean=not suspects),
        recurrence=text,
        symptoms=len(ordered),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Charge:
    """What one symptom's walk holds against one record."""

    step: Step
    evidence: tuple[Signal, ...]
    own: tuple[Signal, ...]
    score: float


class _Case:
    """One symptom: its walk, and the charges that come of it."""

    def __init__(self, walk: Walk, provenance: Provenance, context: Context) -> None:
        self.walk, self._history, self._context = walk, provenance, context
        self._signals = {place: tuple(self._signals_at(step)) for place, step in walk.steps.items()}
        self._above = self._signals_above()
        self.charges = {place: self._charge(step) for place, step in walk.steps.items() if self._signals[place]}

    def _signals_at(self, step: Step) -> Iterator[Signal]:
        found = [*self._of_record(step), *self._of_troubles(step), *self._of_catalog(step)]
        symptom = self.walk.symptom
        relevant = [s for s in found if s.explains(symptom.nature) and self._touches(s, step.asset)]
        if step.before is None and all(s.kind in (SignalKind.FAILED_CHECK, SignalKind.VOLUME) for s in relevant):
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
            earlier = self._good_ones_before(step.record)
            is_dbt = step.asset in self._context.dbt_assets
            yield from differences(step.record, step.good, earlier=earlier, is_dbt=is_dbt)

    def _good_ones_before(self, record: Materialization) -> list[Materialization]:
        of_all = self._history.records(record.asset)
        earlier = [m for m in of_all if (m.at, m.id) < (record.at, record.id) and not self._history.is_bad(m)]
        same = [m for m in earlier if m.partition == record.partition]
        return same or earlier

    def _of_troubles(self, step: Step) -> Iterator[Signal]:
        for trouble in sorted(self._context.troubles, key=lambda t: (t.at, t.kind, t.summary)):
            if trouble.asset != step.asset or not self._concerns(trouble, step):
                continue
            if trouble.kind is AlertKind.FRESHNESS:
                yield Signal(kind=SignalKind.FRESHNESS, summary=trouble.summary, weight=OPERATIONAL)
            elif trouble.kind in (AlertKind.RUN_FAILED, AlertKind.NOT_MATERIALIZED):
                yield self._run_error(trouble)

    def _concerns(self, trouble: Trouble, step: Step) -> bool:
        """It lasted when the step was read; a run's error also speaks for what that very run had built."""
        if step.record is not None and trouble.partition not in (None, step.partition):
            return False
        is_its_run = step.record is not None and trouble.run_id is not None and trouble.run_id == step.record.run_id
        lasted = trouble.at <= step.read_at and (trouble.until is None or trouble.until > step.read_at)
        is_after = step.record is None or trouble.at >= step.record.at or trouble.kind is AlertKind.FRESHNESS
        return is_its_run or (lasted and is_after)

    def _run_error(self, trouble: Trouble) -> Signal:
        cause = f" ({trouble.error_class.value.replace('_', ' ')})" if trouble.error_class else ""
        signature = self.walk.symptom.error_signature
        is_same = bool(signature) and trouble.error_signature == signature and trouble.asset != self.walk.symptom.asset
        return Signal(
            kind=SignalKind.RUN_ERROR,
            summary=f"its run failed{cause}: {trouble.summary}{', the same error as here' if is_same else ''}",
            weight=OPERATIONAL + (ALSO_SAYS if is_same else 0),
        )

    def _of_catalog(self, step: Step) -> Iterator[Signal]:
        until = self.walk.symptom.occurred_at
        since = step.good.at if step.good else until - LOOK_BACK
        for change in sorted(self._context.changes, key=lambda c: (c.at, c.kind, c.text)):
            if change.asset == step.asset and since < change.at <= until:
                yield Signal(kind=SignalKind.CATALOG, summary=change.text, weight=CATALOG)

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

    def _charge(self, step: Step) -> _Charge:
        signals, above = self._signals[step.place], self._above.get(step.place, [])
        own = tuple(signal for signal in signals if not _is_carried(signal, above))
        weight = sum(signal.weight * (1 if signal in own else CARRIED) for signal in signals)
        is_seen = any(signal.kind not in CHANGES for signal in signals)
        score = weight * (SEEN if is_seen else UNSEEN) ** step.hops * (GUESSED if step.guesses else 1)
        return _Charge(step=step, evidence=signals, own=own, score=score)


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
    """Did it come with the input? A change of code does not; fewer rows do when there, in the logarithm, at least
    half as much is missing."""
    if signal.kind in CHANGES:
        return False
    if signal.kind is SignalKind.VOLUME:
        return any(_is_the_same_move(signal, other) or other.kind is SignalKind.FAILED_CHECK for other in above)
    if signal.kind is SignalKind.SCHEMA:
        return any(other.kind is SignalKind.SCHEMA for other in above)
    return any(other.kind not in CHANGES for other in above)


def _is_the_same_move(signal: Signal, other: Signal) -> bool:
    if other.kind is not SignalKind.VOLUME or copysign(1, signal.change) != copysign(1, other.change):
        return False
    return abs(other.change) * 2 >= abs(signal.change)


def _ranked(cases: Sequence[_Case], graph: AssetGraph) -> list[Suspect]:
    charges: defaultdict[Place, list[_Charge]] = defaultdict(list)
    for case in cases:
        for place, charge in case.charges.items():
            charges[place].append(charge)
    likelihood = _likelihood_by_time(cases, graph)
    suspects = [
        _suspect(found, explains=sum(place in case.walk.steps for case in cases), symptoms=len(cases))
        for place, found in charges.items()
    ]
    named = [s for s in suspects if sum(signal.weight for signal in s.evidence) >= LEAST]
    weighed = [
        replace(s, score=round(s.score * (likelihood.get(s.asset, 1) if s.confidence is Confidence.INFERRED else 1), 6))
        for s in named
    ]
    return sorted(weighed, key=lambda s: (-s.score, len(s.path), s.asset, s.materialization or 0))


def _suspect(charges: Sequence[_Charge], *, explains: int, symptoms: int) -> Suspect:
    """The charges against one record put together; its path is the surest and shortest of theirs."""
    best = min(charges, key=lambda c: (c.step.guesses, c.step.hops, c.step.path[0].asset))
    evidence = tuple(dict.fromkeys(signal for charge in charges for signal in charge.evidence))
    own = [signal for charge in charges for signal in charge.own]
    return Suspect(
        asset=best.step.asset,
        materialization=best.step.id,
        cause_class=_class_of(own or evidence),
        confidence=confidence_of(best.step.path),
        path=best.step.path,
        evidence=tuple(sorted(evidence, key=lambda signal: -signal.weight)),
        score=max(charge.score for charge in charges) * explains / symptoms,
        explains=explains,
        is_origin=bool(own),
        is_broken=_is_broken(own),
    )


def _class_of(signals: Iterable[Signal]) -> CauseClass | None:
    """Code before data before operational: what was done says more than what came of it. A tag alone is nothing."""
    found = {signal.cause_class for signal in signals if signal.kind is not SignalKind.TAGS}
    return next((c for c in (CauseClass.CODE, CauseClass.DATA, CauseClass.OPERATIONAL) if c in found), None)


def _is_broken(own: Sequence[Signal]) -> bool:
    """One decisive signal (a failed ERROR check, a column lost, rows far out), or a change of code together with
    anything odd in the data that begins here."""
    changed = any(signal.kind in CODE_CHANGES and signal.weight >= LEAST for signal in own)
    odd = any(signal.cause_class is CauseClass.DATA for signal in own)
    return any(signal.decisive for signal in own) or (changed and odd)


def _likelihood_by_time(cases: Sequence[_Case], graph: AssetGraph) -> dict[str, float]:
    """Asset → how likely its newest change broke the first symptom, against the likeliest one (1)."""
    if not cases:
        return {}
    symptom = cases[0].walk.symptom
    changes = [
        Change(asset=charge.step.asset, at=charge.step.record.at, id=f"{charge.step.asset}#{charge.step.id}")
        for case in cases
        for charge in case.charges.values()
        if charge.step.record and charge.step.guesses and any(s.kind in CHANGES for s in charge.own)
    ]
    ranked = rank_changes(symptom.asset, symptom.occurred_at, changes, graph)
    return {r.change.asset: r.score / ranked[0].score for r in reversed(ranked)} if ranked else {}


def _looked_at(walks: Sequence[Walk], *, is_clean: bool) -> str:
    failing = {walk.symptom.asset for walk in walks}
    assets = sorted({step.asset for walk in walks for step in walk.steps.values()} - failing)
    ends = list(dict.fromkeys(end for walk in walks for end in walk.ends))
    if assets:
        names = ", ".join(assets[:MOST_NAMED]) + (f" and {len(assets) - MOST_NAMED} more" if assets[MOST_NAMED:] else "")
        text = f"looked at {len(assets)} asset{'s' if assets[1:] else ''} upstream: {names}"
        text += ": nothing changed" if is_clean else ""
    else:
        text = f"nothing is known to be upstream of {', '.join(sorted(failing)) or 'it'}"
    return "; ".join([text, *ends])


