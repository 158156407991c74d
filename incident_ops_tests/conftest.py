"""Fixtures for every test folder."""

from hypothesis import settings

from incident_ops_tests.postgres import (
    _migrated_template,
    migrated_postgres_url,
    postgres_server,
    postgres_url,
)

__all__ = ["_migrated_template", "migrated_postgres_url", "postgres_server", "postgres_url"]

# The same examples each time, and no deadline: a test must not fail because the machine was busy.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
