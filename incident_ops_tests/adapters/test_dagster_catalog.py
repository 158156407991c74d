"""The catalog against a real webserver with foreign code locations, and against whatever else may answer."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from incident_ops.adapters.dagster_catalog import GraphQLCatalog
from incident_ops.adapters.dagster_definitions import DESCRIPTION_LIMIT
from incident_ops.adapters.dagster_links import base_of
from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.forecast.deadlines import CronWindow, TimeWindow
from incident_ops_tests.processes import Running, free_port, make_home, make_workspace, running_webserver

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

FINANCE = """
from datetime import timedelta

import dagster as dg


@dg.asset(
    key=["shop", "orders"],
    owners=["team:fin", "ana@example.com"],
    tags={"incident_ops/tier": "gold"},
    kinds={"python", "duckdb"},
    freshness_policy=dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=24), warn_window=timedelta(hours=12)
    ),
    group_name="finance",
    description="é" * 2000,
    metadata={
        "incident_ops/consumers": ["team:board", "bo@example.com"],
        "incident_ops/runbook": dg.MetadataValue.url("https://wiki.example.com/orders"),
        "dagster/row_count": 3,
    },
)
def orders():
    ...


@dg.asset(
    deps=[orders],
    partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
    automation_condition=dg.AutomationCondition.on_cron("@daily"),
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=2), timezone="Europe/Berlin"
    ),
    check_specs=[dg.AssetCheckSpec("not_empty", asset="revenue")],
    metadata={
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn("email", tags={"pii": ""}),
                dg.TableColumn("amount"),
                dg.TableColumn("country", tags={"pii": "false"}),
            ]
        ),
        "incident_ops/consumers": "team:board, cy@example.com",
        "incident_ops/runbook": "https://wiki.example.com/revenue",
    },
)
def revenue():
    ...


defs = dg.Definitions(assets=[orders, revenue, dg.AssetSpec("ledger", deps=["revenue"])])
"""

OTHERS = """
import dagster as dg


@dg.asset_check(asset=["shop", "orders"], name="no_open_incident")
def badge():
    return dg.AssetCheckResult(passed=True)


@dg.asset(deps=["revenue"])
def dashboard():
    ...


defs = dg.Definitions(
    assets=[
        dashboard,
        dg.AssetSpec(["shop", "orders"], deps=["raw"], owners=["team:not_them"], tags={"from": "others"}),
        dg.AssetSpec("ledger", deps=["bank"], owners=["team:ledger"]),
    ],
    asset_checks=[badge],
)
"""

BROKEN = 'raise RuntimeError("cannot connect, password=hunter2\\nsecond line")\n'


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("catalog")
    workspace = make_workspace(folder / "workspace", {"finance": FINANCE, "others": OTHERS, "broken": BROKEN})
    with running_webserver(make_home(folder / "home"), workspace, path_prefix="/data/dagster") as running:
        yield running


@pytest.fixture(scope="module")
def catalog(webserver: Running) -> Catalog:
    return GraphQLCatalog(webserver.url).fetch(now=NOW)


def node(catalog: Catalog, key: str) -> AssetNode:
    found = catalog.get(AssetRef(key=key))
    assert found is not None, f"{key} is not in the catalog"
    return found


class TestRealWebserver:
    def test_owners_tags_kinds_group_and_metadata_of_another_code_location_are_known(self, catalog: Catalog):
        orders = node(catalog, "shop/orders")
        assert orders.location == "finance"
        assert orders.owners == ("team:fin", "ana@example.com")
        assert orders.tags["incident_ops/tier"] == "gold"
        assert orders.kinds == ("duckdb", "python")
        assert orders.group == "finance"
        assert orders.consumers == ("team:board", "bo@example.com")
        assert orders.runbook == "https://wiki.example.com/orders"

    def test_consumers_and_runbook_written_as_text_are_read_too(self, catalog: Catalog):
        revenue = node(catalog, "revenue")
        assert revenue.consumers == ("team:board", "cy@example.com")
        assert revenue.runbook == "https://wiki.example.com/revenue"

    def test_freshness_policies_of_both_kinds_are_known(self, catalog: Catalog):
        assert node(catalog, "shop/orders").freshness == TimeWindow(
            fail_window=timedelta(hours=24), warn_window=timedelta(hours=12)
        )
        assert node(catalog, "revenue").freshness == CronWindow(
            deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=2), timezone="Europe/Berlin"
        )
        assert node(catalog, "ledger").freshness is None

    def test_checks_are_known_wherever_they_are_defined(self, catalog: Catalog):
        assert node(catalog, "shop/orders").checks == ("no_open_incident",)
        assert node(catalog, "revenue").checks == ("not_empty",)

    def test_partitions_automation_and_tagged_columns_of_the_definition_are_known(self, catalog: Catalog):
        revenue, ledger = node(catalog, "revenue"), node(catalog, "ledger")
        assert revenue.partitions == "time window %Y-%m-%d"
        assert revenue.automation.startswith("on_cron")
        assert revenue.pii_columns == ("email",), "neither what is not tagged nor what is tagged as harmless"
        assert (ledger.is_partitioned, ledger.automation, ledger.pii_columns) == (False, "", ())
        assert (revenue.is_materializable, ledger.is_executable) == (True, False)
        assert revenue.locations == ("finance", "others")

    def test_details_that_are_not_asked_for_now_are_those_known_before(self, webserver: Running, catalog: Catalog):
        """They cost ten times the rest, so a big workspace is asked for them piece by piece."""
        asked_nothing = GraphQLCatalog(webserver.url, details_at_once=0)
        blind = node(asked_nothing.fetch(now=NOW), "revenue")
        assert (blind.is_detailed, blind.checks) == (False, ())
        assert node(asked_nothing.fetch(now=NOW, known=catalog), "revenue") == node(catalog, "revenue")
        one = GraphQLCatalog(webserver.url, details_at_once=1).fetch(now=NOW)
        both = GraphQLCatalog(webserver.url, details_at_once=1).fetch(now=NOW, known=one)
        assert [sum(each.is_detailed for each in read.nodes) for read in (one, both)] == [
            len(catalog) - 1,
            len(catalog),
        ], "those never asked about come first"

    def test_a_long_description_is_cut_so_that_dbt_sql_does_not_fill_our_store(self, catalog: Catalog):
        description = node(catalog, "shop/orders").description
        assert len(description) == DESCRIPTION_LIMIT
        assert description.endswith("é…")

    def test_the_definition_that_builds_an_asset_wins_over_another_locations_stub(self, catalog: Catalog):
        orders = node(catalog, "shop/orders")
        assert orders.owners == ("team:fin", "ana@example.com"), "not the stub's team:not_them"
        assert orders.upstream == ("raw",), "the edge that only the stub declares is kept"
        assert orders.tags["from"] == "others"
        assert node(catalog, "revenue").upstream == ("shop/orders",), "its stub in the other location is empty"

    def test_two_external_definitions_of_one_asset_are_one_node_with_both_edges_and_the_owner(
        self, catalog: Catalog
    ):
        ledger = node(catalog, "ledger")
        assert ledger.owners == ("team:ledger",)
        assert ledger.upstream == ("bank", "revenue")

    def test_an_asset_that_is_only_named_as_upstream_is_a_node_without_owner(self, catalog: Catalog):
        assert node(catalog, "raw").owners == ()
        assert node(catalog, "dashboard").upstream == ("revenue",)

    def test_the_catalog_says_when_it_was_read(self, catalog: Catalog):
        assert catalog.fetched_at == NOW

    def test_trailing_slashes_and_spaces_around_the_address_do_no_harm(self, webserver: Running, catalog: Catalog):
        assert len(GraphQLCatalog(f" {webserver.url}/// ").fetch(now=NOW)) == len(catalog)

    def test_a_location_that_does_not_load_is_named_with_the_cause_and_without_its_password(
        self, webserver: Running
    ):
        errors = GraphQLCatalog(webserver.url).load_errors()
        assert list(errors) == ["broken"]
        assert errors["broken"].startswith("RuntimeError: cannot connect")
        assert "hunter2" not in errors["broken"]
        assert "second line" not in errors["broken"]

    def test_daemons_that_were_never_started_are_not_healthy(self, webserver: Running):
        health = GraphQLCatalog(webserver.url).daemon_health()
        assert health["SENSOR"] is False
        assert "FRESHNESS_DAEMON" in health

    def test_the_address_without_its_path_prefix_is_a_clear_sentence(self, webserver: Running):
        bare = webserver.url.removesuffix("/data/dagster")
        with pytest.raises(SourceUnavailable, match="answered with HTTP 404"):
            GraphQLCatalog(bare).fetch(now=NOW)


@contextmanager
def answering(
    status: int,
    body: str,
    content_type: str = "application/json",
    *,
    seen: list[str | None] | None = None,
    location: str | None = None,
) -> Iterator[str]:
    """A local server that gives every POST the same answer; status 0 means none at all. `seen` takes what the
    requests say of who asks."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if seen is not None:
                seen.append(self.headers["authorization"])
            if status == 0:
                ended.wait(30)
                return
            self.send_response(status)
            for name, value in {"content-type": content_type, "location": location}.items():
                if value is not None:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def test_a_webserver_that_gave_no_answer_is_not_asked_again_in_the_same_pass():
    """A pass asks three things of it; waiting three times would end the tick."""
    seen: list[str | None] = []
    with answering(0, "", seen=seen) as url:
        catalog = GraphQLCatalog(url, timeout=0.3)
        for ask in (lambda: catalog.fetch(now=NOW), catalog.load_errors, catalog.daemon_health):
            with pytest.raises(SourceUnavailable, match="gave no answer"):
                ask()
        assert len(seen) == 1


def loaded(*locations: tuple[str, object]) -> str:
    """An answer to every question: no assets, and the locations with what became of each."""
    entries = [{"name": name, "locationOrLoadError": became} for name, became in locations]
    assets = {"__typename": "RepositoryConnection", "nodes": []}
    workspace = {"__typename": "Workspace", "locationEntries": entries}
    return json.dumps({"data": {"repositoriesOrError": assets, "workspaceOrError": workspace}})


FAILURES = {
    "a proxy's HTML page": ((200, "<!DOCTYPE html><html></html>", "text/html"), "not GraphQL \\(text/html\\)"),
    "an error page": ((502, "<html>Bad gateway</html>", "text/html"), "HTTP 502"),
    "a login page": ((302, "", "text/html"), "redirect \\(HTTP 302\\)"),
    "no access": ((401, '{"detail": "no"}'), "HTTP 401"),
    "GraphQL errors": ((200, json.dumps({"errors": [{"message": "no such field\nx"}]})), "no such field;"),
    "GraphQL errors of another shape": ((400, json.dumps({"errors": "broken"})), "broken"),
    "a part of the answer": (
        (200, json.dumps({"data": {"repositoriesOrError": None}, "errors": [{"message": "a resolver failed"}]})),
        "a resolver failed",
    ),
    "the workspace's own error": (
        (
            200,
            json.dumps(
                {"data": {"repositoriesOrError": {"__typename": "PythonError", "message": "token=abc123"}}}
            ),
        ),
        "token=\\[redacted\\]",
    ),
    "no code location": ((200, loaded()), "knows no code location"),
    "locations that are all loading": ((200, loaded(("shop", None))), "none that is loaded yet"),
    "another API": ((200, "[1, 2]"), "not GraphQL"),
    "another GraphQL": ((200, '{"data": {"users": []}}'), "left out repositoriesOrError"),
    "another shape": ((200, '{"data": {"repositoriesOrError": {"nodes": [1]}}}'), "in a shape"),
}


def test_consumers_who_are_nobody_are_named_once_in_the_log_and_left_out(caplog: pytest.LogCaptureFixture):
    asset: dict[str, object] = {
        "assetKey": {"path": ["shop", "rev"]},
        "metadataEntries": [
            {"label": "incident_ops/consumers", "jsonString": '["CFO@acme.test", "cfo@acme.test ", "<!channel>"]'}
        ],
        **{name: [] for name in ("owners", "tags", "kinds", "dependencyKeys")},
        **dict.fromkeys(["isMaterializable", "isExecutable", "hasAssetChecks"], False),
        **dict.fromkeys(["description", "internalFreshnessPolicy", "partitionDefinition", "automationCondition"]),
        "groupName": "default",
    }
    repositories = [{"location": {"name": name}, "assetNodes": [asset]} for name in ("a", "b")]
    answer = {"data": {"repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": repositories}}}
    with answering(200, json.dumps(answer)) as url:
        catalog = GraphQLCatalog(url).fetch(now=NOW)
    assert [node.consumers for node in catalog.nodes] == [("cfo@acme.test",)]
    said = "consumers that are neither an e-mail address nor team:NAME are not told: shop/rev (<!channel>)"
    assert [record.getMessage() for record in caplog.records] == [said]


class TestUnavailable:
    @pytest.mark.parametrize(("answer", "sentence"), FAILURES.values(), ids=FAILURES.keys())
    def test_every_bad_answer_is_one_sentence_with_the_address_and_the_variable(
        self, answer: tuple[int, str], sentence: str
    ):
        login = "https://login.example.com/?token=s3cret" if answer[0] == 302 else None
        with answering(*answer, location=login) as url, pytest.raises(SourceUnavailable, match=sentence) as caught:
            GraphQLCatalog(url).fetch(now=NOW)
        assert url in str(caught.value)
        assert "INCIDENT_OPS_DAGSTER_URL" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)

    def test_locations_that_all_fail_to_load_are_an_answer(self):
        """What they had is known from before; see `with_last_known`."""
        broken = {"__typename": "PythonError", "message": "boom", "causes": []}
        with answering(200, loaded(("shop", broken))) as url:
            assert list(GraphQLCatalog(url).fetch(now=NOW).nodes) == []

    def test_the_health_questions_fail_in_the_same_way(self):
        with answering(503, "") as url:
            for ask in (GraphQLCatalog(url).load_errors, GraphQLCatalog(url).daemon_health):
                with pytest.raises(SourceUnavailable, match="HTTP 503"):
                    ask()

    def test_a_webserver_that_does_not_answer_in_time_costs_no_more_than_the_timeout(self):
        with (
            answering(0, "") as url,
            pytest.raises(SourceUnavailable, match=r"no answer within 0\.2 s"),
        ):
            GraphQLCatalog(url, timeout=0.2).fetch(now=NOW)

    def test_a_webserver_that_is_not_up_yet_says_so(self):
        with pytest.raises(SourceUnavailable, match="refuses the connection"):
            GraphQLCatalog(f"http://127.0.0.1:{free_port()}").fetch(now=NOW)

    @pytest.mark.parametrize(
        "url", ["localhost:3000", "", "http://", "http://[::1", "ftp://127.0.0.1", "http://a..b"]
    )
    def test_an_address_that_is_none_is_a_sentence_and_no_traceback(self, url: str):
        with pytest.raises(SourceUnavailable, match="INCIDENT_OPS_DAGSTER_URL"):
            GraphQLCatalog(url).fetch(now=NOW)

    @pytest.mark.parametrize(
        "secret_url", ["http://ana:p%40ss@127.0.0.1:{port}", "http://ana:p@ss@127.0.0.1:{port}/x?token=p@ss"]
    )
    def test_the_sentence_never_shows_the_addresss_password(self, secret_url: str):
        with pytest.raises(SourceUnavailable) as caught:
            GraphQLCatalog(secret_url.format(port=free_port())).fetch(now=NOW)
        assert "http://127.0.0.1" in str(caught.value)
        assert "ss@" not in str(caught.value)
        assert "%40ss" not in str(caught.value)

    def test_the_password_in_the_address_is_used(self):
        seen: list[str | None] = []
        with answering(401, "", seen=seen) as url, pytest.raises(SourceUnavailable, match="HTTP 401"):
            GraphQLCatalog(url.replace("//", "//ana:secret@")).fetch(now=NOW)
        assert seen == [f"Basic {b64encode(b'ana:secret').decode()}"]
        assert base_of("https://ana:secret@dagster.example.com/pre//?a=b#c") == "https://dagster.example.com/pre"
