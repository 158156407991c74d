"""Who is to blame: the walk upstream, what is odd about each record on the way, and the suspects ranked."""

from incident_ops.core.rootcause.suspects import (
    Findings,
    Suspect,
    investigate,
)

__all__ = [
    "Findings",
    "Suspect",
    "investigate",
]
