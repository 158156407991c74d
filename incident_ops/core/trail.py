"""How one asset is tied to another, step by step, and how sure that is. Who walks: `upstream` and `impact`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Edge(StrEnum):
    """What ties a hop to the one before it: Dagster's pointer, or only that it was the newest at the time."""

    POINTER = "pointer"
    TIME = "time"


class Confidence(StrEnum):
    PROVED = "proved by pointer"
    INFERRED = "inferred from time"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One asset on a path: `materialization` is the storage id of its record, None where it has none.

    The first hop of a path has nothing before it. Its edge is `pointer` when the record is known for certain
    (the alert named it, or it is the bad record asked about), `time` when the newest one was taken for it.
    """

    asset: str
    materialization: int | None
    edge: Edge


def confidence_of(path: Iterable[Hop]) -> Confidence:
    """A path is as sure as its weakest hop; without a path nothing is known."""
    edges = {hop.edge for hop in path}
    if not edges:
        return Confidence.UNKNOWN
    return Confidence.INFERRED if Edge.TIME in edges else Confidence.PROVED
