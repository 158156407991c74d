"""One home, one parsed dbt project and one instance for all tests of a worker that really run the marketplace.

The instance is in memory: every run is of this process, and a refresh writes more than a thousand events.
"""

from collections.abc import Iterator

import dagster as dg
import pytest

from incident_ops.marketplace.home import HOME_VARIABLE, Home
from incident_ops.marketplace.manifest import prepared_manifest
from incident_ops_tests.marketplace.shop import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    base = tmp_path_factory.mktemp("marketplace")
    home = Home(base=base / "home").create()
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral(str(base)) as instance:
        patch.setenv(HOME_VARIABLE, str(home.base))
        prepared_manifest(home)
        # Importing the module is how Dagster loads the location; by now the manifest is there.
        from incident_ops.marketplace.definitions import build_definitions

        yield Shop(home=home, instance=instance, definitions=build_definitions(prepared_manifest(home)))
