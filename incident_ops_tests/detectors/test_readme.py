"""The detectors of the README run as they stand there."""

import re
from pathlib import Path
from typing import Any

import dagster as dg

README = Path(__file__).parents[2] / "README.md"


def test_the_detectors_of_the_readme_find_nothing_wrong_with_its_table(tmp_path: Path) -> None:
    [snippet, _] = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {"__name__": "readme"}
    exec(snippet, names)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        dg.Definitions.validate_loadable(names["defs"])
        done = dg.materialize([names["orders"], *names["checks"]], instance=instance)
        found = {check.check_name: check for check in done.get_asset_check_evaluations()}
    assert [name for name, check in found.items() if not check.passed] == []
    assert found.keys() == {
        "freshness", "volume", "schema", "field_health", "uniqueness", "accepted_values", "no_negative_amounts",
    }  # fmt: skip
