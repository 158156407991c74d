"""Fixtures for every test folder."""

from incident_ops_tests.postgres import (
    _migrated_template,
    migrated_postgres_url,
    postgres_server,
    postgres_url,
)

__all__ = ["_migrated_template", "migrated_postgres_url", "postgres_server", "postgres_url"]
