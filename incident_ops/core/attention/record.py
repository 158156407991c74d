"""`Attention` as JSON values and back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from incident_ops.core.attention.state import Attention, Place
from incident_ops.core.escalation import Climb, EscalationPolicy, EscalationStep


def to_record(state: Attention) -> dict[str, Any]:
    """What differs from the beginning."""
    everything: dict[str, Any] = {
        "places": {name: _place_record(place) for name, place in state.places.items()},
        "members": list(state.members),
        "climbs": [_climb_record(climb) for climb in state.climbs],
        "changes": [at.isoformat() for at in state.changes],
        "is_flapping": state.is_flapping,
        "snoozed_until": _text(state.snoozed_until),
        "reminded_at": _text(state.reminded_at),
        "asked": state.asked,
        "asked_at": _text(state.asked_at),
        "said": list(state.said),
        "held": state.held,
        "is_unheard": state.is_unheard,
    }
    return {name: value for name, value in everything.items() if value}


def from_record(record: Mapping[str, Any]) -> Attention:
    """Names that it does not know are left alone: a later version may have written them."""
    return Attention(
        places={name: _place(each) for name, each in record.get("places", {}).items()},
        members=tuple(record.get("members", ())),
        climbs=tuple(_climb(each) for each in record.get("climbs", ())),
        changes=tuple(datetime.fromisoformat(at) for at in record.get("changes", ())),
        is_flapping=record.get("is_flapping", False),
        snoozed_until=_time(record.get("snoozed_until")),
        reminded_at=_time(record.get("reminded_at")),
        asked=record.get("asked", 0),
        asked_at=_time(record.get("asked_at")),
        said=tuple(record.get("said", ())),
        held=record.get("held", ""),
        is_unheard=record.get("is_unheard", False),
    )


def _place_record(place: Place) -> dict[str, Any]:
    return {
        "pushed_at": _text(place.pushed_at),
        "members": place.members,
        "listed": place.listed,
        "collapsed": place.collapsed,
    }


def _place(record: Mapping[str, Any]) -> Place:
    return Place(
        pushed_at=_time(record["pushed_at"]),
        members=record["members"],
        listed=record["listed"],
        collapsed=record["collapsed"],
    )


def _climb_record(climb: Climb) -> dict[str, Any]:
    policy = climb.policy
    limit = policy.acknowledge_timeout
    return {
        "policy": policy.name,
        "repeat": policy.repeat,
        "acknowledge_timeout": limit.total_seconds() if limit is not None else None,
        "steps": [{"targets": list(s.targets), "wait": s.wait.total_seconds()} for s in policy.steps],
        "taken": climb.taken,
        "due_at": climb.due_at.isoformat(),
        "extra": climb.extra,
        "is_frozen": climb.is_frozen,
        "is_exhausted": climb.is_exhausted,
    }


def _climb(record: Mapping[str, Any]) -> Climb:
    limit = record["acknowledge_timeout"]
    policy = EscalationPolicy(
        name=record["policy"],
        repeat=record["repeat"],
        acknowledge_timeout=timedelta(seconds=limit) if limit is not None else None,
        steps=tuple(
            EscalationStep(targets=tuple(step["targets"]), wait=timedelta(seconds=step["wait"]))
            for step in record["steps"]
        ),
    )
    return Climb(
        policy=policy,
        taken=record["taken"],
        due_at=datetime.fromisoformat(record["due_at"]),
        extra=record.get("extra", 0),
        is_frozen=record["is_frozen"],
        is_exhausted=record["is_exhausted"],
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
