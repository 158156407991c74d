"""What will be late, before it is: usual times, the critical path, and deadlines."""

from incident_ops.core.forecast.expected import (
    Expected,
    Verdict,
    between,
    clock_text,
    forecast,
    next_harm,
    route_text,
)

__all__ = [
    "Expected",
    "Verdict",
    "between",
    "clock_text",
    "forecast",
    "next_harm",
    "route_text",
]
