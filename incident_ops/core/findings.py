"""What was found out about an incident, as it is kept and shown: plain JSON values, made when it was found out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_ops.core import rootcause
from incident_ops.core.impact import Hit, Impact, Reached, Viewer
from incident_ops.core.importance import Importance
from incident_ops.core.record import utc_text
from incident_ops.core.rootcause import Suspect
from incident_ops.core.trail import Hop
from incident_ops.core.urgency import Harm

MOST_SHOWN = 500
"""Assets of one state that are kept with an incident; their number is kept whatever it is."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The parts of `incident-ops show` that are found out after triage.

    Attributes:
        suspects: best first; the keys are those of DESIGN §8.
        looked_at: what was looked at, in words, and whether it happened before.
        impact: `tainted`, `at_risk`, `healed`, `consumers`, `viewers`, `counts`, the root's `importance`, and
            `next_harm`: who needs it next, and when.
        forecast: downstream deadlines.
    """

    at: datetime
    suspects: Sequence[Record]
    impact: Record
    looked_at: Sequence[str] = ()
    forecast: Sequence[Record] = ()


def recorded(
    cause: rootcause.Findings,
    impact: Impact,
    forecast: Sequence[Record],
    *,
    importance: Importance | None,
    harm: Harm | None = None,
    at: datetime,
) -> Findings:
    """What was found out, in values that JSON has."""
    return Findings(
        at=at,
        suspects=[_suspect_record(suspect) for suspect in cause.suspects],
        looked_at=[text for text in (cause.looked_at, cause.recurrence) if text],
        impact={
            "tainted": [_hit_record(hit) for hit in impact.tainted[:MOST_SHOWN]],
            "at_risk": [_hit_record(hit) for hit in impact.at_risk[:MOST_SHOWN]],
            "healed": [_hit_record(hit) for hit in impact.healed[:MOST_SHOWN]],
            "consumers": [_reached_record(reached) for reached in impact.consumers],
            "viewers": [_viewer_record(viewer) for viewer in impact.viewers[-MOST_SHOWN:]],
            "importance": _importance_record(importance),
            "next_harm": {"asset": harm.asset, "at": utc_text(harm.at)} if harm is not None else None,
            "counts": {
                "tainted": len(impact.tainted),
                "at_risk": len(impact.at_risk),
                "healed": len(impact.healed),
                "viewers": len(impact.viewers),
            },
        },
        forecast=forecast,
    )


def _importance_record(importance: Importance | None) -> Record | None:
    if importance is None:
        return None
    return {"value": round(importance.value, 3), "reasons": list(importance.reasons)}


def _suspect_record(suspect: Suspect) -> Record:
    return {
        "asset": suspect.asset,
        "materialization": suspect.materialization,
        "cause_class": str(suspect.cause_class) if suspect.cause_class else None,
        "confidence": str(suspect.confidence),
        "path": _path_record(suspect.path),
        "evidence": [{"kind": str(signal.kind), "summary": signal.summary} for signal in suspect.evidence],
        "score": suspect.score,
    }


def _path_record(path: Sequence[Hop]) -> list[Mapping[str, Any]]:
    return [{"asset": hop.asset, "materialization": hop.materialization, "edge": str(hop.edge)} for hop in path]


def _hit_record(hit: Hit) -> Record:
    return {
        "asset": hit.asset,
        "materializations": list(hit.materializations),
        "partitions": list(hit.partitions),
        "since": utc_text(hit.since),
        "until": utc_text(hit.until),
        "path": _path_record(hit.path),
        "edge": str(hit.edge) if hit.path else None,
    }


def _reached_record(reached: Reached) -> Record:
    return {
        "consumer": reached.consumer,
        "asset": reached.asset,
        "since": utc_text(reached.since),
        "partitions": list(reached.partitions),
        "reason": reached.reason,
    }


def _viewer_record(viewer: Viewer) -> Record:
    return {
        "viewer": viewer.viewer,
        "asset": viewer.asset,
        "at": utc_text(viewer.at),
        "materialization": viewer.materialization,
    }
