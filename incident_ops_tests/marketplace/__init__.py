"""Tests of the example tenant. Those that really run Dagster share one home per worker (`conftest.py`)."""
