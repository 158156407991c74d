"""Owing something and delivering it, in a line."""

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import Delivery
from incident_ops.core.errors import TransportError
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.engine.dispatch import Dispatched, Sinks, dispatch
from incident_ops_tests.builders import make_alert, make_incident, minutes

FIN = Destination(kind="slack", address="#fin")

UNREACHABLE = TransportError("503")
LOST = TransportError("no answer", fate_unknown=True)
REFUSED = TransportError("channel_not_found", permanent=True)
REVOKED = TransportError("token_revoked", needs_person=True)


def open_incident(store: SqlStore, asset: str = "a/b") -> int:
    alert = make_alert(asset)
    with store.transaction() as tx:
        saved = tx.save(make_incident(tx.allocate_number(), alert))
        tx.add_alert(alert, saved.number)
    return saved.number


def owe(
    store: SqlStore, number: int, action: Action, text: str = "", *, to: Destination = FIN, at: float = 0
) -> str:
    key = f"INC-{number}:{action}:{to}{f':{text}' if text else ''}"
    notice = Notice(key=key, number=number, destination=to, action=action, text=text, pushes=action is Action.POST)
    with store.transaction() as tx:
        tx.enqueue([notice], now=minutes(at))
    return key


def deliver(store: SqlStore, where: Sinks, *, at: float = 0) -> Dispatched:
    return dispatch(store, where, now=minutes(at), may_go_on=lambda: True)


def only(store: SqlStore, number: int = 1) -> Delivery:
    [delivery] = store.deliveries(number)
    return delivery
