"""What the commands print for people. What they print for machines is `engine.report`'s."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.engine.ports import InboxMessage


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, markup=False)


def show_list(incidents: Sequence[Incident]) -> None:
    """A line for each incident."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "severity", "status", "owner", "since", "what"):
        table.add_column(heading, no_wrap=heading != "what")
    for i in incidents:
        table.add_row(i.id, i.severity, i.status, i.owner or "unknown", moment(i.started_at), i.title)
    _console().print(table)


def show(incident: Incident, story: Mapping[str, Any]) -> None:
    """One incident's story (see `engine.report.story_of`)."""
    out = _console()
    out.print(f"{incident.id}  {incident.severity}  {incident.status}  {incident.title}\n")
    rows = {
        "owner": incident.owner or "unknown",
        "assignee": incident.assignee,
        "nature": incident.nature,
        "since": moment(incident.started_at),
        "resolved": moment(incident.resolved_at) if incident.resolved_at else None,
        "severity": "; ".join(incident.severity_reasons),
        "failures": f"{incident.failure_count:,}" + (", flaky" if incident.flaky else ""),
        **dict(incident.facts),
    }
    for name, value in rows.items():
        if value:
            out.print(f"  {name + ':':<12} {value}")
    out.print(f"\n{incident.summary}")
    if incident.detail and incident.detail != incident.summary:
        out.print(f"\n{incident.detail}")
    for item in incident.not_run:
        out.print(f"  {item}")
    out.print("\nTimeline")
    for entry in story["timeline"]:
        out.print(f"  {entry['at']}  {entry['text']}")
    out.print("\nDeliveries")
    for delivery in story["deliveries"]:
        error = f"  {delivery['error']}" if delivery["error"] else ""
        out.print(f"  {delivery['status']:<9} {delivery['action']:<6} {delivery['to']}{error}")
    catalog = story["catalog"]
    if catalog["trouble"]:
        age = catalog["age_seconds"]
        known = f"as of {catalog['fetched_at']}" if age is not None else "not known"
        out.print(f"\nOwners and lineage are {known}: {catalog['trouble']}")


def show_inbox(messages: Sequence[InboxMessage]) -> None:
    """Each message as it stands now, replies indented."""
    out = _console()
    for message in messages:
        indent = "    " if message.thread else ""
        out.print(f"{indent}{moment(message.at)}  to {message.to}  {message.incident}")
        for line in filter(None, (message.headline, *message.text.splitlines())):
            out.print(f"{indent}  {line}")
