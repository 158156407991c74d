"""The assets that this code location keeps in Dagster's catalog.

Their events come back through the log that we read; what reads it leaves these keys out, so that no incident
feeds on itself. What the assets show is decided in `adapters` and `defs`.
"""

GROUP = "incidents"

INCIDENTS = "incidents"
INCIDENT_BOARD = "incident_board"

OWN_ASSETS: frozenset[str] = frozenset(
    {
        INCIDENTS,
        INCIDENT_BOARD,
        "postmortems",
        "slo_report",
        "reliability_report",
        "lineage_health",
        "detector_coverage",
    }
)
"""Asset keys, written `a/b`."""
