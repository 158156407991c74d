"""How the commands show what is watched, and what to add. What is missing is decided by `core.coverage`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

Record = Mapping[str, Any]
BAR = 24  # characters
_NO_EDGE = 100_000  # columns: a file or a pipe has none, and somebody greps it


def show_coverage(record: Record) -> None:
    """A record of `core.coverage.record_of`."""
    _console().print(coverage(record))


def coverage(record: Record) -> RenderableType:
    """Bars of the share that has each part, then the assets that lack something, then the code."""
    first: Sequence[Record] = record["first"]
    parts: list[RenderableType] = [Text(f"Coverage of {_count(record['assets'], 'asset')}", "bold"), _bars(record)]
    if record["unknown"]:
        parts.append(Text(f"The checks of {_count(record['unknown'], 'asset')} were not read yet."))
    if not first:
        return Group(*parts, Text("\nNothing is missing." if record["assets"] else "\nNo asset is known."))
    more = record["lacking"] - len(first)
    shown = f" (the first {len(first)}, {more:,} more with --limit)" if more else ""
    parts += [Text(f"\nMissing, by importance{shown}"), _missing(first)]
    if record["code"]:
        parts += [Text("\nTo add that:\n"), Text(record["code"].rstrip())]
    return Group(*parts)


def _bars(record: Record) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for part, share in record["shares"].items():
        full = round(share["share"] * BAR)
        bar = Text("█" * full, "green") + Text("░" * (BAR - full), "dim")
        weighted = f"{share['weighted']:.0%} by importance" if 0 < share["covered"] < share["of"] else ""
        table.add_row(
            part.replace("_", " "),
            bar,
            f"{share['share']:.0%}",
            f"{share['covered']:,} of {share['of']:,}",
            weighted,
        )
    return table


def _missing(assets: Sequence[Record]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("importance", "asset", "missing", "why there"):
        table.add_column(
            heading, no_wrap=heading != "why there", justify="right" if heading == "importance" else "left"
        )
    for asset in assets:
        missing = ", ".join(part.replace("_", " ") for part in asset["missing"])
        doubt = " (checks not read yet)" if asset["unknown"] else ""
        table.add_row(f"{asset['importance']:.2f}", asset["asset"], missing + doubt, ", ".join(asset["why"]))
    return table


def show_suggestion(record: Record) -> None:
    """A record of `core.suggestion.record_of`: on standard output nothing but code that runs."""
    out = _console()
    code = record["code"].rstrip("\n")
    out.print(
        Syntax(code, "python", background_color="default", word_wrap=True) if out.is_terminal else Text(code)
    )


def _console() -> Console:
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out.width = _NO_EDGE
    return out


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
