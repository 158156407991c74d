"""Where the marketplace keeps its files, decided from the environment at the moment somebody asks.

Nothing is ever written inside the package: it may be installed read-only, and shared by several homes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "MARKETPLACE_HOME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One base directory and the names in it. A value: making one touches no disk."""

    base: Path

    @property
    def warehouse(self) -> Path:
        return self.base / "warehouse.duckdb"

    @property
    def warehouse_lock(self) -> Path:
        return self.base / "warehouse.lock"

    @property
    def faults(self) -> Path:
        return self.base / "faults.json"

    @property
    def faults_lock(self) -> Path:
        return self.base / "faults.lock"

    @property
    def dashboards(self) -> Path:
        return self.base / "dashboards"

    @property
    def dbt_manifests(self) -> Path:
        """One directory per content of the dbt project; see `manifest.py`."""
        return self.base / "dbt" / "manifests"

    @property
    def dbt_targets(self) -> Path:
        """One directory per domain: dbt's artifacts and log of its latest run."""
        return self.base / "dbt" / "runs"

    def create(self) -> "Home":
        self.base.mkdir(parents=True, exist_ok=True)
        return self


def current_home() -> Home:
    """`$MARKETPLACE_HOME`, else `$DAGSTER_HOME/marketplace`, else `.dagster/marketplace` where we stand."""
    if explicit := os.environ.get(HOME_VARIABLE):
        base = Path(explicit)
    elif dagster_home := os.environ.get("DAGSTER_HOME"):
        base = Path(dagster_home) / "marketplace"
    else:
        base = Path.cwd() / ".dagster" / "marketplace"
    return Home(base=base.expanduser().absolute())
