"""incident_ops: one cause, one incident, one message to the right person.

The package has no import-time behaviour: load `incident_ops.definitions` as a code location, or use the
`incident-ops` command.
"""
