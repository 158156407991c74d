"""What the engine needs of the world, as Protocols. `adapters` implements them, tests fake them."""

from incident_ops.engine.ports.attention import Agenda, Attention
from incident_ops.engine.ports.desk import IncidentDesk
from incident_ops.engine.ports.history import History
from incident_ops.engine.ports.store import (
    InboxMessage,
    MemberKey,
    OpenPlace,
    Outbox,
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
    "EventSource",
    "History",
    "InboxMessage",
    "IncidentDesk",
    "Known",
    "MemberKey",
    "Notifier",
    "OpenPlace",
    "Outbox",
    "Page",
    "Publications",
    "Store",
    "Transaction",
    "Unassessed",
    "Workspace",
]
