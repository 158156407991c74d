"""Without Ibis the package is imported all the same, and says in one sentence what is missing."""

import subprocess
import sys

PROGRAM = """
import sys

sys.modules["ibis"] = None  # as if it were not installed
import incident_ops.detectors
from incident_ops.detectors.field_health import build_field_health_checks
from incident_ops.detectors.reading import IbisMissing

try:
    build_field_health_checks(["orders"])
except IbisMissing as error:
    print(error)
"""


def test_a_location_without_ibis_loads_and_is_told_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == (
        "to read data Ibis is needed: pip install 'incident-ops[detectors]'\n",
        "",
    )
