"""The one table that every benchmark prints, and where the data lies. No benchmark itself is here."""

import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

DATA_VARIABLE = "INCIDENT_OPS_BENCHMARK_DATA"
HEADINGS = ("name", "measured", "target", "baseline", "holds")
VERDICTS = {True: "yes", False: "NO", None: "–"}


@dataclass(frozen=True, slots=True)
class Row:
    """A measured number beside the target and what others reach; `holds` is None where nothing was asked."""

    name: str
    measured: str
    target: str
    baseline: str
    holds: bool | None


def data_folder(name: str) -> Path | None:
    """The folder `name` of the benchmark data; None where the variable is unset or the folder absent.

    The data stay outside the repository: a benchmark that gets None says so with `skipped` and goes on.
    """
    root = os.environ.get(DATA_VARIABLE)
    if not root:
        return None
    folder = Path(root) / name
    return folder if folder.is_dir() else None


def skipped(name: str) -> Row:
    """The row of a benchmark whose data are absent."""
    return Row(name, f"skipped: no data, set {DATA_VARIABLE}", "", "", None)


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows as aligned columns, headings first."""
    body = [(*astuple(row)[:-1], VERDICTS[row.holds]) for row in rows]
    table = [HEADINGS, *body]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
