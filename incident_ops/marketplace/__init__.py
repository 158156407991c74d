"""The example tenant: an online marketplace with three data domains, loaded by Dagster as its own code location.

Here: everything the tenant needs, from the generator of its data to its dashboards. Not here: anything that
detects, explains or announces an incident. Nothing in this package imports from the rest of `incident_ops`;
the control plane sees it through the event log and the catalog, as it would see any stranger.
"""
