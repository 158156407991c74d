"""Who is to blame? Suspects with path and evidence, best first, or the honest answer that none was found.

`upstream` finds the records, `charges` what is odd about each; here the odd ones are ranked. When an incident
moves its root to a suspect is told in docs/adr/0008.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Provenance
from incident_ops.core.rootcause.changes import Change, rank_changes
from incident_ops.core.rootcause.charges import Case, Charge, Context
from incident_ops.core.rootcause.recurrence import recurrence
from incident_ops.core.rootcause.signals import CHANGES, CODE_CHANGES, LEAST, Signal, SignalKind
from incident_ops.core.rootcause.upstream import Place, Symptom, walk_upstream
from incident_ops.core.status import CauseClass
from incident_ops.core.trail import Confidence, Hop, confidence_of

MOST_SUSPECTS = 10
MOST_NAMED = 5
MOST_SEEN = 3


NOTHING_ELSE = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A record that may be the cause.

    Attributes:
        materialization: its storage id; None for an asset that was not built.
        path: from the failing asset to the suspect.
        explains: how many of the symptoms lead here.
        is_broken: the evidence that is its own, not its inputs', suffices to call the record itself broken.
    """

    asset: str
    materialization: int | None
    cause_class: CauseClass | None
    confidence: Confidence
    path: tuple[Hop, ...]
    evidence: tuple[Signal, ...]
    score: float
    explains: int = 1
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
        """Where the incident's root belongs: the first suspect, if every symptom leads there and a path of
        pointers does, and the evidence that begins there calls the record broken. None: the root stays."""
        first = self.suspects[0] if self.suspects else None
        if first is None or first.confidence is not Confidence.PROVED or first.explains < self.symptoms:
            return None
        is_enough = first.is_broken or len(first.path) == 1
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

    The score of a record is the sum of its signals' weights, where a signal that one of its inputs shows too
    counts a fifth (a carrier is not the origin); times .95 per hop, or .7 where nothing but a change of code is
    known; half where a hop is known from time only; times the share of the symptoms that lead there. Among changes
    that only time ties to the symptom, times how well they fit (`rank_changes`, the best one 1). Ties go to the
    nearer one, then by asset and id.
    """
    ordered = sorted(set(symptoms), key=lambda s: (s.asset, s.occurred_at, repr(s)))
    cases = [Case(walk_upstream(s, provenance, graph), provenance, context) for s in ordered]
    suspects = _ranked(cases, graph)
    text = recurrence(context.earlier, now)
    if text and suspects:
        again = Signal(kind=SignalKind.RECURRENCE, summary=text, weight=0)
        suspects[0] = replace(suspects[0], evidence=(*suspects[0].evidence, again))
    return Findings(
        suspects=tuple(suspects[:MOST_SUSPECTS]),
        looked_at=_looked_at(cases, is_clean=not suspects),
        recurrence=text,
        symptoms=len(ordered),
    )


def _ranked(cases: Sequence[Case], graph: AssetGraph) -> list[Suspect]:
    charges: defaultdict[Place, list[Charge]] = defaultdict(list)
    for case in cases:
        for place, charge in case.charges.items():
            charges[place].append(charge)
    likelihood = _likelihood_by_time(cases, graph)
    suspects = [
        _suspect(found, explains=sum(place in case.walk.steps for case in cases), symptoms=len(cases))
        for place, found in charges.items()
        if max(charge.own_weight for charge in found) >= LEAST
    ]
    weighed = [
        replace(
            s, score=round(s.score * (likelihood.get(s.asset, 1) if s.confidence is Confidence.INFERRED else 1), 6)
        )
        for s in suspects
    ]
    return sorted(weighed, key=lambda s: (-s.score, len(s.path), s.asset, s.materialization or 0))


def _suspect(charges: Sequence[Charge], *, explains: int, symptoms: int) -> Suspect:
    """The charges against one record put together; its path is the surest and shortest of theirs."""
    best = min(charges, key=lambda c: (c.step.guesses, c.step.hops, c.step.path[0].asset))
    evidence: list[Signal] = []
    for signal in sorted((s for charge in charges for s in charge.evidence), key=lambda s: -s.weight):
        if not any(_says_as_much(said, signal) for said in evidence):
            evidence.append(signal)
    own = [signal for charge in charges for signal in charge.own]
    return Suspect(
        asset=best.step.asset,
        materialization=best.step.id,
        cause_class=_class_of(own or evidence),
        confidence=confidence_of(best.step.path),
        path=best.step.path,
        evidence=tuple(evidence),
        score=max(charge.score for charge in charges) * explains / symptoms,
        explains=explains,
        is_broken=_is_broken(own),
    )


def _says_as_much(said: Signal, signal: Signal) -> bool:
    """The same, or the same with more to it: an error that is also that of another symptom."""
    return said.kind is signal.kind and f"{said.summary},".startswith(f"{signal.summary},")


def _class_of(signals: Iterable[Signal]) -> CauseClass | None:
    """Code before data before operational: what was done says more than what came of it. A tag is nothing."""
    found = {signal.cause_class for signal in signals if signal.kind is not SignalKind.TAGS}
    return next((c for c in (CauseClass.CODE, CauseClass.DATA, CauseClass.OPERATIONAL) if c in found), None)


def _is_broken(own: Sequence[Signal]) -> bool:
    """One decisive signal (a failed ERROR check, a column lost, rows far out), or a change of code together with
    anything odd in the data that begins here."""
    changed = any(signal.kind in CODE_CHANGES and signal.weight >= LEAST for signal in own)
    odd = any(signal.cause_class is CauseClass.DATA for signal in own)
    return any(signal.decisive for signal in own) or (changed and odd)


def _likelihood_by_time(cases: Sequence[Case], graph: AssetGraph) -> dict[str, float]:
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


def _looked_at(cases: Sequence[Case], *, is_clean: bool) -> str:
    """Where it was looked, and, if nobody is named (`is_clean`), what was seen there all the same."""
    failing = {case.walk.symptom.asset for case in cases}
    upstream = {step.asset for case in cases for step in case.walk.steps.values() if not case.is_failing(step)}
    assets = sorted(upstream - failing or upstream)
    earlier = {
        step.place for case in cases for step in case.walk.steps.values() if case.is_failing(step) and step.record
    } - {case.walk.start.place for case in cases}
    looked: list[str] = []
    if earlier:
        which = _named(sorted({asset for asset, _, _ in earlier}), MOST_NAMED)
        looked.append(f"{len(earlier):,} earlier build{'s' if len(earlier) > 1 else ''} of {which}")
    if assets:
        names = _named(assets, MOST_NAMED)
        looked.append(f"{len(assets)} asset{'s' if assets[1:] else ''} upstream: {names}")
    ends = dict.fromkeys(end for case in cases for end in case.walk.ends)
    seen = _sightings(cases) if is_clean else []
    if looked:
        text = f"looked at {' and '.join(looked)}"
        text += (": nothing that explains it" if seen else ": nothing changed") if is_clean else ""
    else:
        text = f"nothing is known to be upstream of {', '.join(sorted(failing)) or 'it'}"
    return "; ".join([text, *([f"seen: {_named(seen, MOST_SEEN)}"] if seen else []), *ends])


def _sightings(cases: Sequence[Case]) -> list[str]:
    """What is different but explains nothing, or too little to name anybody: what weighs most first, then the
    nearest."""
    found = sorted(
        (
            (-signal.weight, step.hops, step.asset, signal.summary)
            for case in cases
            for step, signal in case.sightings
        )
    )
    where: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for _, _, asset, summary in found:
        where[summary][asset] = None
    return [f"{summary} ({_named(list(assets), MOST_SEEN)})" for summary, assets in where.items()]


def _named(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
