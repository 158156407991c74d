"""What the commands print for people. What they print for machines is `engine.report`'s.

One incident's story is `terminal_story`'s, the drawing of the lineage `terminal_lineage`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.engine.ports import InboxMessage
from incident_ops.terminal_lineage import render

_NO_EDGE = 100_000  # columns; a tree is cut at the width, and a file or a pipe has none


def plain_console() -> Console:
    """Lines as they are, however long."""
    return Console(highlight=False, soft_wrap=True, markup=False)


def show_list(incidents: Sequence[Incident]) -> None:
    """A line for each incident; of what was announced the line says so."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "severity", "status", "owner", "since", "what"):
        table.add_column(heading, no_wrap=heading != "what")
    for i in incidents:
        what = f"{i.title} ({i.excuse})" if i.excuse else i.title
        table.add_row(i.id, i.severity, i.status, i.owner or "unknown", moment(i.started_at), what)
    plain_console().print(table)


def show_audience(ledger: Sequence[Mapping[str, Any]]) -> None:
    """A line for each entry (see `engine.report.audience_of`): never cut, for it is a proof."""
    out = plain_console()
    if not ledger:
        out.print("Nobody was told.")
        return
    rows = [("recipient", "kind", "at", "ended")]
    for entry in ledger:
        still = "" if entry["kind"] == "end" else "not yet"
        ended = moment(datetime.fromisoformat(entry["ended_at"])) if entry["ended_at"] else still
        rows.append((entry["recipient"], entry["kind"], moment(datetime.fromisoformat(entry["at"])), ended))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        out.print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def show_lineage(record: Mapping[str, Any]) -> None:
    """An answer of `engine.lineage`."""
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out.width = _NO_EDGE
    out.print(render(record))


def show_inbox(messages: Sequence[InboxMessage]) -> None:
    """Each message as it stands now, replies indented."""
    out = plain_console()
    for message in messages:
        indent = "    " if message.thread else ""
        out.print(f"{indent}{moment(message.at)}  to {message.to}  {message.incident}")
        for line in filter(None, (message.headline, *message.text.splitlines())):
            out.print(f"{indent}  {line}")
