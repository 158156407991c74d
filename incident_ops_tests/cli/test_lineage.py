"""`incident-ops lineage`: answered from the stored catalog and from what past builds told of their columns."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import cast

import dagster as dg
import pytest

from incident_ops.adapters.wiring import utc_now
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.provenance import Facts, Materialization
from incident_ops.engine.lineage_history import for_impact, for_show, for_upstream
from incident_ops.engine.ports import History
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.histories import columns_of, record
from incident_ops_tests.processes import make_workspace

SHOP = (
    AssetNode(key="raw"),
    AssetNode(key="shop/orders", upstream=("raw",), owners=("team:fin",)),
    AssetNode(key="shop/revenue", upstream=("shop/orders",), owners=("ann@acme.test",)),
    AssetNode(key="people", upstream=("shop/orders",), owners=("team:crm",)),
    AssetNode(key="cockpit", upstream=("shop/revenue",), consumers=("cfo@acme.test",)),
    AssetNode(key="elsewhere"),
)
NEVER_READ = "the catalog was never read: run `incident-ops catalog refresh`\n"


def built(asset: str, number: int, /, **sources: str) -> Materialization:
    """`built("orders", 2, amount="raw.amount")`."""
    lineage = {
        column: (ColumnRef(asset=source.rpartition(".")[0], column=source.rpartition(".")[2]),)
        for column, source in sources.items()
    }
    return record(asset, number, columns=columns_of(**dict.fromkeys(sources, "int")), column_lineage=lineage)


def know(cli: CommandLine, *, age: timedelta = timedelta(0), builds: Sequence[Materialization] = ()) -> None:
    with cli.store() as store:
        store.save_catalog(Catalog(SHOP, fetched_at=utc_now() - age, source="webserver"))
        with store.transaction() as tx:
            tx.add_facts(Facts(materializations=tuple(builds)))


@pytest.fixture
def shop(cli: CommandLine) -> CommandLine:
    """Revenue's newest build tells no columns, the ones before do."""
    builds = [
        built("shop/orders", 1, id="raw.id", amount="raw.amount"),
        built("shop/revenue", 2, total="shop/orders.id"),
        built("shop/revenue", 3, total="shop/orders.amount"),
        record("shop/revenue", 4),
        built("people", 5, customer="shop/orders.id"),
    ]
    know(cli, builds=builds)
    return cli


def test_a_column_that_is_dropped_breaks_what_the_newest_builds_that_tell_it_are_made_of(
    shop: CommandLine,
) -> None:
    """A build without column lineage hides nothing, and an older one is not believed."""
    answer = shop("lineage", "impact", "shop/orders.amount", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert [item["path"] for item in answer.json["breaks"]["built"]] == [
        ["shop/orders.amount", "shop/revenue.total"]
    ]
    assert {item["asset"]: item["use"] for item in answer.json["downstream"]} == {
        "shop/revenue": "built",
        "people": "unaffected",
        "cockpit": "may_use",
    }
    assert (answer.json["owners"], answer.json["consumers"]) == (["ann@acme.test"], ["cfo@acme.test"])


@pytest.mark.parametrize(
    ("arguments", "lists"),
    [
        (["show", "shop/orders"], {"upstream": ["raw"], "downstream": ["people", "shop/revenue", "cockpit"]}),
        (["show", "raw", "--hops", "1"], {"upstream": [], "downstream": ["shop/orders"]}),
        (["impact", "shop/revenue"], {"downstream": ["cockpit"]}),
        (["upstream", "shop/revenue"], {"upstream": ["shop/orders", "raw"]}),
    ],
)
def test_an_asset_is_answered_for_programs_and_for_people(
    shop: CommandLine, arguments: list[str], lists: dict[str, list[str]]
) -> None:
    answer = shop("lineage", *arguments, "--json")
    assert answer.json["question"] == arguments[0]
    assert {side: [item["asset"] for item in answer.json[side]] for side in lists} == lists
    drawn = shop("lineage", *arguments)
    assert (drawn.code, drawn.err) == (0, "")
    assert all(asset in drawn.out for listed in lists.values() for asset in listed)
    assert "elsewhere" not in drawn.out


def test_the_columns_that_one_is_made_from_are_traced_to_the_source(shop: CommandLine) -> None:
    sources = shop("lineage", "upstream", "shop/revenue.total", "--json").json["sources"]
    assert [(source["asset"], source["column"]) for source in sources] == [
        ("shop/orders", "amount"),
        ("raw", "amount"),
    ]
    assert shop("lineage", "show", "raw", "--json").json["columns"] == ["amount", "id"]


@pytest.mark.parametrize(
    ("question", "written", "read"),
    [
        ("show", "shop/orders", {"shop/orders"}),
        ("show", "raw", {"raw", "shop/orders"}),
        ("impact", "shop/orders", set[str]()),
        ("upstream", "shop/orders", set[str]()),
        ("upstream", "shop/revenue.total", {"shop/revenue", "shop/orders", "raw"}),
        ("impact", "shop/orders.amount", {node.key for node in SHOP}),
    ],
)
def test_no_more_of_the_history_is_read_than_the_question_needs(
    shop: CommandLine, question: str, written: str, read: set[str]
) -> None:
    """Of a catalog of 120,000 assets the records of all relatives took 23 seconds."""
    needed = {"show": for_show, "impact": for_impact, "upstream": for_upstream}[question]
    with shop.store() as store, store.looking_back() as history:
        asked = Asked(history)
        needed(written, Catalog(SHOP).graph, cast("History", asked))
    assert asked.assets == read


class Asked:
    """A history that remembers of which assets it was asked."""

    def __init__(self, history: History) -> None:
        self._history, self.assets = history, set[str]()

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        self.assets.update(assets)
        return self._history.latest_of(assets, limit=limit)


def test_consumers_that_the_configuration_names_are_told(shop: CommandLine) -> None:
    shop.configure("consumers: {'shop/*': [ceo@acme.test]}\n")
    assert shop("lineage", "impact", "raw", "--json").json["consumers"] == ["ceo@acme.test", "cfo@acme.test"]


def test_a_long_line_is_not_cut_where_it_is_piped(cli: CommandLine) -> None:
    """Somebody greps it."""
    owners = tuple(f"team:a-team-with-quite-a-long-name-{n}" for n in range(20))
    with cli.store() as store:
        store.save_catalog(
            Catalog([AssetNode(key="a"), AssetNode(key="b", upstream=("a",), owners=owners)], fetched_at=utc_now())
        )
    assert f"b  {', '.join(owners)}\n" in cli("lineage", "show", "a").out


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("shop/order", "the catalog has no asset 'shop/order'; did you mean shop/orders?"),
        ("shop/order.amount", "the catalog has no asset 'shop/order.amount'; did you mean shop/orders?"),
        ("shop/orders.amuont", "shop/orders has no column 'amuont'; its known columns are amount, id"),
    ],
)
@pytest.mark.parametrize("question", ["show", "impact", "upstream"])
def test_what_is_not_known_is_one_sentence_with_what_was_meant(
    shop: CommandLine, question: str, written: str, sentence: str
) -> None:
    answer = shop("lineage", question, written)
    assert (answer.code, answer.out, answer.err) == (1, "", f"{sentence}\n")


@pytest.mark.parametrize("options", [["--hops", "0"], ["--hops", "near"]])
def test_a_distance_is_a_number_from_one_on(shop: CommandLine, options: list[str]) -> None:
    answer = shop("lineage", "show", "raw", *options)
    assert (answer.code, answer.out) == (2, "")
    assert "--hops" in answer.err


@pytest.mark.parametrize(
    ("age", "trouble", "said"),
    [
        (timedelta(minutes=50), "", ""),
        (timedelta(hours=30), "", "the catalog is 1 d 6 h old: run `incident-ops catalog refresh`\n"),
        (timedelta(minutes=12), "no answer from :3000", "the catalog is 12 min old: no answer from :3000\n"),
    ],
)
def test_the_age_of_the_catalog_is_said_when_it_matters(
    cli: CommandLine, age: timedelta, trouble: str, said: str
) -> None:
    know(cli, age=age + timedelta(milliseconds=1))
    with cli.store() as store:
        store.set_value("catalog trouble", trouble, now=utc_now())
    answer = cli("lineage", "show", "raw", "--json")
    assert (answer.code, answer.json["asset"]) == (0, "raw")
    assert answer.err.replace(" 0 s", "") == said
    told = answer.json["catalog"]
    assert 0 <= told["age_seconds"] - age.total_seconds() < 60
    assert told["trouble"] == (trouble or None)


def test_a_catalog_that_was_never_read_says_how_to_read_it(cli: CommandLine) -> None:
    answer = cli("lineage", "show", "raw")
    assert (answer.code, answer.out, answer.err) == (1, "", f"{NEVER_READ}the catalog has no asset 'raw'\n")


REAL = """
import dagster as dg

amount = dg.TableColumnDep(asset_key=dg.AssetKey("raw"), column_name="amount")
lineage = dg.TableColumnLineage({"total": [amount]})


@dg.asset(deps=["raw"], owners=["team:fin"])
def orders():
    return dg.MaterializeResult(metadata={"dagster/column_lineage": lineage})


defs = dg.Definitions(assets=[orders])
"""


def test_after_a_real_build_the_question_can_be_asked(cli: CommandLine) -> None:
    """From Dagster's event log and a workspace file to the answer, without a webserver."""
    make_workspace(cli.home, {"shop": REAL})
    code: dict[str, dg.Definitions] = {}
    exec(REAL, code)
    with dg.DagsterInstance.from_config(str(cli.home)) as instance:
        job = code["defs"].resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance).success
    assert cli("tick").code == 0
    answer = cli("lineage", "impact", "raw.amount", "--json")
    assert (answer.code, answer.json["owners"]) == (0, ["team:fin"]), answer.err
    assert [item["path"] for item in answer.json["breaks"]["built"]] == [["raw.amount", "orders.total"]]
    assert "raw.amount → orders.total" in cli("lineage", "impact", "raw.amount").out
