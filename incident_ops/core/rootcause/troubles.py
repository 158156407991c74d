"""Failed runs and lateness as evidence: which of them concern a walk, and which record or asset they speak of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_ops.core.alert import AlertKind, ErrorClass
from incident_ops.core.rootcause.signals import OPERATIONAL, Signal, SignalKind
from incident_ops.core.rootcause.upstream import Place, Step, Symptom, Walk
from incident_ops.core.trail import Edge

ALSO_SAYS = 0.5  # the same error as here
OWN_ERROR = 1.0  # that its own code raised is hardly more than the symptom; what its input lacks says more

_RUNS = frozenset({AlertKind.RUN_FAILED, AlertKind.NOT_MATERIALIZED})


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


def with_troubles(walk: Walk, troubles: Sequence[Trouble]) -> tuple[Walk, dict[Place, tuple[Trouble, ...]]]:
    """The troubles that concern each step of the walk, oldest first.

    A failed run built nothing: unless it had built the record that was read, its trouble is that of the asset
    without a record, and so is the lateness that comes of it. Such a step is put beside that of the older record,
    read by the same and with the same above it.
    """
    of_asset: dict[str, list[Trouble]] = {}
    for trouble in sorted(troubles, key=lambda t: (t.at, t.kind, t.summary)):
        of_asset.setdefault(trouble.asset, []).append(trouble)
    found: dict[Place, tuple[Trouble, ...]] = {}
    unbuilt: dict[Place, Step] = {}
    for step in walk.steps.values():
        concerning = [t for t in of_asset.get(step.asset, ()) if _concerns(t, step)]
        theirs = [t for t in concerning if _is_its_run(t, step)]
        others = [t for t in concerning if t not in theirs]
        if step.record is not None and any(t.kind in _RUNS for t in others):
            unbuilt[step.place] = beside = replace(step, record=None, edge=Edge.TIME, good=None, verified=None)
            found[beside.place] = tuple(dict.fromkeys((*found.get(beside.place, ()), *others)))
            concerning = theirs
        found[step.place] = tuple(dict.fromkeys((*found.get(step.place, ()), *concerning)))
    return _beside(walk, unbuilt), found


def trouble_signal(trouble: Trouble, symptom: Symptom, *, is_own: bool) -> Signal | None:
    """What a trouble says; None for an alert of another kind. `is_own`: it is the failing asset's."""
    if trouble.kind is AlertKind.FRESHNESS:
        return Signal(kind=SignalKind.FRESHNESS, summary=trouble.summary, weight=OPERATIONAL)
    if trouble.kind not in _RUNS:
        return None
    cause = f" ({trouble.error_class.value.replace('_', ' ')})" if trouble.error_class else ""
    signature = symptom.error_signature
    is_same = bool(signature) and trouble.error_signature == signature and not is_own
    was_stopped = trouble.error_class in (ErrorClass.INTERRUPTED, ErrorClass.DIED)
    weight = OWN_ERROR if is_own and not was_stopped else OPERATIONAL
    return Signal(
        kind=SignalKind.INTERRUPTED if was_stopped else SignalKind.RUN_ERROR,
        summary=f"its run failed{cause}: {trouble.summary}{', the same error as here' if is_same else ''}",
        weight=weight + (ALSO_SAYS if is_same else 0),
    )


def _concerns(trouble: Trouble, step: Step) -> bool:
    """It lasted when the step was read; a run's error also speaks for what that very run had built."""
    if step.record is not None and trouble.partition not in (None, step.partition):
        return False
    lasted = trouble.at <= step.read_at and (trouble.until is None or trouble.until > step.read_at)
    is_after = step.record is None or trouble.at >= step.record.at or trouble.kind is AlertKind.FRESHNESS
    return _is_its_run(trouble, step) or (lasted and is_after)


def _is_its_run(trouble: Trouble, step: Step) -> bool:
    return step.record is not None and trouble.run_id is not None and trouble.run_id == step.record.run_id


def _beside(walk: Walk, unbuilt: dict[Place, Step]) -> Walk:
    """The walk with the asset that was not built again beside each of these records."""
    if not unbuilt:
        return walk
    steps = dict(walk.steps)
    beside = {place: step.place for place, step in unbuilt.items()}
    inputs = {
        place: tuple(dict.fromkeys((*reads, *(beside[read] for read in reads if read in beside))))
        for place, reads in walk.inputs.items()
    }
    for place, step in unbuilt.items():
        steps.setdefault(step.place, step)
        inputs[step.place] = tuple(dict.fromkeys((*inputs.get(step.place, ()), *inputs.get(place, ()))))
    return replace(walk, steps=steps, inputs=inputs)
