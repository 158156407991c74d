"""What our own location's definitions say in this process is what the webserver would say of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from incident_ops.adapters.dagster_own_location import catalog_of
from incident_ops.adapters.dagster_workspace import WorkspaceFile
from incident_ops.core.catalog import Catalog
from incident_ops.core.catalog.merge import over
from incident_ops.core.errors import SourceUnavailable
from incident_ops_tests.processes import make_home, make_workspace

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SHOP = """
from datetime import timedelta

import dagster as dg

HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2), warn_window=timedelta(hours=1))
NINE = dg.FreshnessPolicy.cron(
    deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=1), timezone="Asia/Tokyo"
)
COLUMNS = dg.TableSchema(columns=[dg.TableColumn("email", tags={"pii": ""}), dg.TableColumn("id")])


@dg.asset(
    owners=["team:fin", "ana@example.com"],
    tags={"incident_ops/tier": "gold"},
    kinds={"python"},
    group_name="finance",
    description="Orders.",
    freshness_policy=HOURLY,
    automation_condition=dg.AutomationCondition.eager(),
    partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
    metadata={
        "dagster/column_schema": COLUMNS,
        "incident_ops/consumers": ["team:board"],
        "incident_ops/runbook": dg.MetadataValue.url("https://wiki.example.com"),
    },
)
def orders():
    ...


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["mart", "a"], deps=[orders], freshness_policy=NINE),
        dg.AssetSpec(["mart", "b"], deps=[["mart", "a"], orders]),
    ],
    check_specs=[dg.AssetCheckSpec("inner", asset=["mart", "b"])],
    partitions_def=dg.StaticPartitionsDefinition(["x", "y"]),
)
def mart():
    ...


@dg.asset_check(asset=orders)
def outer():
    return dg.AssetCheckResult(passed=True)


@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="customers"))
def dynamic():
    ...


TWO = {"day": dg.DailyPartitionsDefinition("2026-01-01"), "at": dg.StaticPartitionsDefinition(["x"])}


@dg.asset(
    partitions_def=dg.MultiPartitionsDefinition(TWO),
    automation_condition=dg.AutomationCondition.missing() & ~dg.AutomationCondition.in_progress(),
)
def multi():
    ...


ledger = dg.AssetSpec("ledger", metadata={"incident_ops/consumers": "team:a, team:b"})
defs = dg.Definitions(assets=[orders, mart, dynamic, multi, ledger], asset_checks=[outer])
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    return make_workspace(folder, {"shop": SHOP, "broken": 'raise ValueError("token=abc123")\n'})


def test_the_definitions_say_in_process_what_they_say_in_graphql(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two translations of one thing: an asset must not change when the webserver comes up."""
    monkeypatch.setenv("DAGSTER_HOME", str(make_home(tmp_path)))
    with dg.DagsterInstance.get() as instance:
        file = WorkspaceFile(instance, workspace)
        loaded = file.fetch(now=NOW)
        assert file.load_errors() == {"broken": "ValueError: token=[redacted]"}
    definitions: dict[str, dg.Definitions] = {}
    exec(SHOP, definitions)
    own = catalog_of(definitions["defs"].get_repository_def())
    assert (loaded.source, own.source, own.fetched_at) == ("workspace file", "own location", None)
    nameless = {
        node.key: {name: getattr(node, name) for name in node.__slots__ if not name.startswith("location")}
        for node in loaded.nodes
    }
    assert {node.key: {name: getattr(node, name) for name in nameless["orders"]} for node in own.nodes} == nameless
    orders, mart_b = own.node("orders"), own.node("mart/b")
    assert orders is not None
    assert mart_b is not None
    assert (orders.checks, orders.pii_columns, orders.consumers) == (("outer",), ("email",), ("team:board",))
    assert (mart_b.checks, mart_b.upstream, mart_b.partitions) == (("inner",), ("mart/a", "orders"), "static")


def test_it_is_made_once_per_process():
    """Every tick asks, and a location may be large."""
    repository = dg.Definitions(assets=[dg.AssetSpec("a")]).get_repository_def()
    assert catalog_of(repository) is catalog_of(repository)
    assert len(over(Catalog(), catalog_of(repository))) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be used"),
        ("load_from: [", "cannot be used"),
        ("load_from:\n  - nonsense: {a: b}\n", "cannot be used"),
    ],
)
def test_a_workspace_file_that_cannot_be_used_is_a_sentence_with_its_name(
    tmp_path: Path, content: str | None, sentence: str
):
    file = tmp_path / "workspace.yaml"
    if content is not None:
        file.write_text(content)
    with dg.instance_for_test() as instance, pytest.raises(SourceUnavailable, match=sentence) as caught:
        WorkspaceFile(instance, file).fetch(now=NOW + timedelta(minutes=1))
    assert str(file) in str(caught.value)
