"""Several rules in one check: one finding of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from incident_ops.detectors.factory import Finding

MOST_NAMED = 5
"""Of several things, those that a sentence names."""


def together(found: Mapping[str, Finding], *, kind: str, of: int, holds: str) -> Finding:
    """One finding of several, which fails when any does and says what each that fails says. A sample and the like
    are of the first that fails, else of the first that has them (its failing rows are tolerated).

    Args:
        found: the findings, by name.
        kind: what was looked at, in the plural: "rules".
        of: how many were looked at; of those that are not in `found` there is nothing to say.
        holds: the sentence when all pass.
    """
    failing = [finding for finding in found.values() if not finding.passed]
    shown = next(iter([*failing, *(finding for finding in found.values() if finding.metadata)]), None)
    records = [
        dg.TableRecord({"name": name, "passed": finding.passed, "found": finding.summary})
        for name, finding in found.items()
    ]
    each: dict[str, Any] = {kind: dg.MetadataValue.table(records)} if records else {}
    return Finding(
        passed=not failing,
        summary=_told(failing, kind=kind, of=of) if failing else holds,
        metadata={**each, **(shown.metadata if shown else {})},
        metrics=[
            replace(point, metric=f"{point.metric}/{name}")
            for name, finding in found.items()
            for point in finding.metrics
        ],
        columns=list(dict.fromkeys(column for finding in failing for column in finding.columns)),
    )


def listed(names: Sequence[str]) -> str:
    """`a, b, c, d, e and 3 more`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _told(failing: Sequence[Finding], *, kind: str, of: int) -> str:
    told = "; ".join(finding.summary for finding in failing[:MOST_NAMED])
    more = len(failing) - MOST_NAMED
    told += f"; and {more} more" if more > 0 else ""
    return told if of == 1 else f"{len(failing)} of {of} {kind} fail: {told}"
