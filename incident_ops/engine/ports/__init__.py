"""What the engine needs of the world, as Protocols. `adapters` implements them, tests fake them."""

from incident_ops.engine.ports.attention import Agenda, Attention
from incident_ops.engine.ports.desk import IncidentDesk
from incident_ops.engine.ports.history import History
from incident_ops.engine.ports.outbox import ChangeOfCircuit, Moved, Outbox, Subject, no_change
from incident_ops.engine.ports.store import (
    InboxMessage,
    MemberKey,
    OpenPlace,
    Publications,
    Store,
    Transaction,
    Unassessed,
)
from incident_ops.engine.ports.world import (
    Board,
    CanCheck,
    CanLookUp,
    CanReply,
    CanUpdate,
    EventSource,
    Fades,
    Known,
    Notifier,
    Page,
    Workspace,
)

__all__ = [
    "Agenda",
    "Attention",
    "Board",
    "CanCheck",
    "CanLookUp",
    "CanReply",
    "CanUpdate",
    "ChangeOfCircuit",
    "EventSource",
    "Fades",
    "History",
    "InboxMessage",
    "IncidentDesk",
    "Known",
    "MemberKey",
    "Moved",
    "Notifier",
    "OpenPlace",
    "Outbox",
    "Page",
    "Publications",
    "Store",
    "Subject",
    "Transaction",
    "Unassessed",
    "Workspace",
    "no_change",
]
