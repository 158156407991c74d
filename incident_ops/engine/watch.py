"""An eye on ourselves and on what we depend on: "we stopped checking" is told like anything else."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from incident_ops.core.circuit import WELL, after_mourning
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.watchdog import DELIVERIES, Condition, deliveries, lag, loops, observations_of, outbox
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store, Workspace
from incident_ops.engine.triage import triage
from incident_ops.engine.triaged import Triaged

BEHIND = "behind since"
BOARD = "board trouble"
MOST_DESTINATIONS = 10
"""So many destinations at a time have an incident of ours about what died on the way to them."""
_TOLD = "told trouble: "
_SEEN = "daemon seen: "


def judge(
    store: Store,
    workspace: Workspace,
    *,
    config_trouble: str,
    loops_of_others: Collection[str],
    now: datetime,
) -> list[Condition]:
    """Everything that must be well. A loop is judged by the other one: it cannot tell of its own standstill."""
    oldest = store.oldest_unfinished()
    behind = store.value(BEHIND)
    beats = {name: at for name in loops_of_others if (at := last_beat(store, name)) is not None}
    return [
        Condition(name="configuration", trouble=config_trouble),
        outbox(oldest.created_at if oldest else None, oldest.error if oldest else "", now=now),
        lag(datetime.fromisoformat(behind) if behind else None, now=now),
        Condition(name="board", trouble=store.value(BOARD) or "", is_warning=True),
        *loops(beats, now=now),
        *_of_the_sinks(store, now=now),
        *_of_the_workspace(store, workspace, now=now),
    ]


def tell(store: Store, conditions: Sequence[Condition], knowledge: Knowledge, *, now: datetime) -> Triaged:
    """Triage what changed since it was told last."""
    known = _told(store)
    triaged = triage(store, observations_of(conditions, known=known, now=now), knowledge, now=now)
    for condition in conditions:
        if condition.trouble != known.get(condition.name, ""):
            store.set_value(f"{_TOLD}{condition.name}", condition.trouble, now=now)
    return triaged


def beat(store: Store, name: str, *, now: datetime) -> None:
    """A loop ended a pass."""
    store.set_value(f"beat: {name}", now.isoformat(), now=now)


def last_beat(store: Store, name: str) -> datetime | None:
    value = store.value(f"beat: {name}")
    return datetime.fromisoformat(value) if value else None


def is_due(store: Store, name: str, *, every: timedelta, now: datetime) -> bool:
    """Also due when the last time lies in the future: somebody's clock was put back."""
    last = last_beat(store, name)
    return last is None or now - last >= every or last > now


def _told(store: Store) -> Mapping[str, str]:
    return {name.removeprefix(_TOLD): value for name, (value, _) in store.values(_TOLD).items()}


def _of_the_sinks(store: Store, *, now: datetime) -> list[Condition]:
    """A condition for each destination where something died, the first few of them: where all of a hundred
    channels are gone, a hundred incidents of our own would say no more. The others follow as these end."""
    told = {name.removeprefix(DELIVERIES) for name, trouble in _told(store).items() if _is_of_sinks(name, trouble)}
    dead = {place: circuit for place, circuit in store.circuits() if circuit.died_at is not None}
    conditions = {
        str(place): deliveries(str(place), circuit, was_told=str(place) in told, now=now)
        for place, circuit in dead.items()
    }
    for place in dead:
        if not conditions[str(place)].trouble:
            store.change_circuit(place, after_mourning, now=now)
    over = [deliveries(place, WELL, was_told=True, now=now) for place in sorted(told - conditions.keys())]
    going_on = [conditions[place] for place in sorted(conditions, key=lambda place: (place not in told, place))]
    return [*over, *going_on[: max(MOST_DESTINATIONS, len(told))]]


def _is_of_sinks(name: str, trouble: str) -> bool:
    return bool(trouble) and name.startswith(DELIVERIES)


def _of_the_workspace(store: Store, workspace: Workspace, *, now: datetime) -> list[Condition]:
    """Code locations that do not load, and daemons that stood up once and do not any more. When the webserver
    cannot be asked nothing is known of either, and what was told stays."""
    try:
        broken = workspace.load_errors()
        daemons = workspace.daemon_health()
    except SourceUnavailable:
        return []
    told_locations = [name.removeprefix("location ") for name in _told(store) if name.startswith("location ")]
    conditions = [
        Condition(name=f"location {name}", trouble=_not_loading(name, broken[name]) if name in broken else "")
        for name in sorted({*told_locations, *broken})
    ]
    for daemon, is_healthy in sorted(daemons.items()):
        seen = f"{_SEEN}{daemon}"
        if is_healthy:
            store.set_value(seen, "yes", now=now)
        if is_healthy is not None and store.value(seen):
            trouble = "" if is_healthy else f"the {daemon} daemon gives no heartbeat: is dagster-daemon running?"
            conditions.append(Condition(name=f"daemon {daemon}", trouble=trouble))
    return conditions


def _not_loading(name: str, error: str) -> str:
    return f"code location {name} does not load, nothing in it is checked: {error}"
