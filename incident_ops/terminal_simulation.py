"""How `incident-ops simulate` is drawn: recipients by days, before and after, so that one sees it at a glance."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Record = Mapping[str, Any]
_NO_EDGE = 100_000  # columns: a file or a pipe has none, and somebody greps it
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_WORDS = {
    "incidents": "incidents",
    "pushes": "pushes",
    "pages": "of these by escalation",
    "posts": "posts",
    "digests": "digests",
    "digest_lines": "lines in digests",
}


def show(record: Record, *, days: int) -> None:
    """A record of `engine.simulation.record_of`; the last `days` have columns of their own."""
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out.width = _NO_EDGE
    replayed = record["replayed"]
    since, until = (record[edge][:16].replace("T", " ") for edge in ("since", "until"))
    out.print(
        f"{_count(replayed['alerts'], 'alert')}, {_count(replayed['recoveries'], 'recovery', 'recoveries')} and "
        f"{_count(replayed['changes_by_people'], 'change')} by people, {since} to {until} UTC\n"
    )
    if record["recipients"]:
        out.print(_people(record["recipients"], days=days, has_after=record["after"] is not None))
    else:
        out.print("Nobody would have been pushed.")
    out.print()
    out.print(_totals(record["before"], record["after"]))
    if replayed["not_replayed"]:
        changes = _count(replayed["not_replayed"], "merge or split", "merges and splits")
        out.print(f"\n{changes} by hand could not be replayed.")


def _count(number: int, one: str, more: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def _people(recipients: Sequence[Record], *, days: int, has_after: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("pushes to", no_wrap=True)
    if has_after:
        table.add_column("", no_wrap=True)
    shown = [day["day"] for day in recipients[0]["days"]][-days:] if days else []
    for day in shown:
        table.add_column(f"{date.fromisoformat(day):%d %b}", justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("most a day", justify="right", no_wrap=True)
    table.add_column("day by day", no_wrap=True)
    for each in recipients:
        for row in _rows(each, shown, has_after=has_after):
            table.add_row(*row)
    return table


def _rows(recipient: Record, shown: Sequence[str], *, has_after: bool) -> Iterator[list[str | Text]]:
    """One line for each configuration; the bars of both are drawn to the same height."""
    most = max(max(day["before"], day["after"] or 0) for day in recipient["days"])
    for which in ("before", "after") if has_after else ("before",):
        counts = {day["day"]: day[which] for day in recipient["days"]}
        style = _style(recipient) if which == "after" else ""
        yield [
            Text(recipient["recipient"] if which == "before" else ""),
            *([Text(which, "dim")] if has_after else []),
            *(Text(str(counts.get(day) or _NONE)) for day in shown),
            Text(f"{recipient[which]:,}", style),
            Text(_change(recipient) if which == "after" else "", style),
            Text(str(max(counts.values()))),
            Text(_bars(list(counts.values()), most), style),
        ]


def _bars(counts: Sequence[int], most: int) -> str:
    """`·` for none, else a bar as high as its share of the most."""
    return "".join(_BARS[(count * len(_BARS) - 1) // most] if count else _NONE for count in counts)


def _change(recipient: Record) -> str:
    was, will = recipient["before"], recipient["after"]
    if was == will:
        return "="
    return "new" if not was else f"{(will - was) / was:+.0%}"


def _style(recipient: Record) -> str:
    was, will = recipient["before"], recipient["after"]
    return "" if was == will else "green" if will < was else "red"


def _totals(before: Record, after: Record | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("in all", no_wrap=True)
    for heading in ("before", "after") if after is not None else ("",):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, words in _WORDS.items():
        table.add_row(words, *(f"{each[name]:,}" for each in (before, after) if each is not None))
    reasons = dict.fromkeys([*before["suppressed"], *(after["suppressed"] if after is not None else ())])
    for reason in reasons:
        counts = [each["suppressed"].get(reason, 0) for each in (before, after) if each is not None]
        table.add_row(f"incidents kept quiet: {reason.replace('_', ' ')}", *(f"{count:,}" for count in counts))
    return table
