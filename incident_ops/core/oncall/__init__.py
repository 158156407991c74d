"""Who is on call: schedules (`schedule`), the turns of a layer (`turns`) and what comes of them (`shifts`).

Pure calculations on a schedule and a moment (aware UTC, in and out). Whom a page reaches, and what is done when
nobody is on call, is decided elsewhere.
"""

from incident_ops.core.oncall.schedule import Layer, Override, Schedule, Shift, Swap
from incident_ops.core.oncall.shifts import OnCall, gaps, next_handoff, shifts, who_is_on_call

__all__ = [
    "Layer",
    "OnCall",
    "Override",
    "Schedule",
    "Shift",
    "Swap",
    "gaps",
    "next_handoff",
    "shifts",
    "who_is_on_call",
]
