"""The command `incident-ops`."""

from incident_ops.cli.entry import commands, main

__all__ = ["commands", "main"]
