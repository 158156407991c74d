"""`catalog refresh` and `tick` on a home without a webserver but with a workspace file."""

import pytest

from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.processes import make_workspace

SHOP = """
import dagster as dg

print("a user's code prints what it likes")
defs = dg.Definitions(assets=[dg.AssetSpec("orders", owners=["team:fin"])])
"""


@pytest.mark.parametrize("command", [("catalog", "refresh"), ("tick",)])
def test_without_a_webserver_the_workspace_file_of_the_home_tells_owners(
    cli: CommandLine, command: tuple[str, ...]
) -> None:
    make_workspace(cli.home, {"shop": SHOP, "broken": "raise ValueError"})
    answer = cli(*command, "--json")
    assert answer.code == 0, answer.err
    with cli.store() as store:
        orders = store.catalog().node("orders")
        assert orders is not None
        assert orders.owners == ("team:fin",)
        assert store.value("catalog source") == "workspace file"
    if command == ("catalog", "refresh"):
        assert (answer.json["assets"], answer.json["source"]) == (1, "workspace file")


def test_with_neither_the_sentence_names_the_webserver_and_no_file(cli: CommandLine) -> None:
    answer = cli("catalog", "refresh")
    assert answer.code == 2
    assert "INCIDENT_OPS_DAGSTER_URL" in answer.err
    assert "workspace file" not in answer.err
