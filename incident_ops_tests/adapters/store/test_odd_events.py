"""From an event that says nonsense to the store, on both databases: it is taken in for what it is worth, and what
comes after it is heard."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import dagster as dg
import pytest
from dagster import AssetCheckEvaluation as Evaluation
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import Catalog
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Materialization, View
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.adapters.event_log import now

LARGEST = 2**63 - 1
LONG_NAME = "".join(sha256(str(n).encode()).hexdigest() for n in range(80))  # and no database makes it shorter
BEYOND = 2**63
POINTER = "dagster/input_event_pointer/raw"
ORDERS = dg.AssetKey("orders")
POLICY = Policy(routing=RoutingRules(sink="slack", default_channel="#data"))


class Tail:
    """Reads on from where it stood, into the store."""

    def __init__(self, instance: dg.DagsterInstance, store: SqlStore) -> None:
        self._source, self._store = DagsterEvents(instance), store
        self._cursor: str | None = None

    def read(self) -> None:
        at = now() + timedelta(minutes=1)
        page = self._source.read(self._cursor, now=at, limit=1000)
        knowledge = Knowledge(catalog=Catalog([]), policy=POLICY, installed_at=at - timedelta(days=1))
        triage(self._store, page.observations, knowledge, now=at, facts=page.facts, cursor=("log", page.cursor))
        self._cursor = page.cursor

    def newest(self, asset: str = "orders") -> Materialization:
        with self._store.looking_back() as history:
            return history.latest_of([asset])[0]

    def views(self) -> list[View]:
        with self._store.looking_back() as history:
            return history.views(["orders"], since=now() - timedelta(days=1))

    def verdicts(self, asset: str) -> int:
        with self._store.looking_back() as history:
            return len(history.verdicts([asset], since=now() - timedelta(days=1)))

    def failing(self) -> set[str]:
        """The checks that incidents are about."""
        return {str(member.subject.check) for incident in self.incidents() for member in incident.members}

    def incidents(self) -> list[Incident]:
        return self._store.incidents()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """With a log in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def tail(instance: dg.DagsterInstance, store: SqlStore) -> Tail:
    return Tail(instance, store)


@pytest.mark.parametrize(
    ("written", "inputs"),
    [
        (str(LARGEST), {"raw": LARGEST}),
        ("7", {"raw": 7}),
        (str(BEYOND), {}),
        ("99999999999999999999", {}),
        ("9" * 5_000, {}),
        ("-1", {}),
        ("1.5", {}),
        ("", {}),
        ("NULL", {}),
        ("²", {}),
    ],
)
def test_a_pointer_is_a_number_that_an_event_can_have(
    instance: dg.DagsterInstance, tail: Tail, written: str, inputs: Mapping[str, int]
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(ORDERS, tags={POINTER: written}))
    tail.read()
    assert tail.newest().inputs == inputs


@pytest.mark.parametrize("partition", [None, "d1"])
@pytest.mark.parametrize(
    ("count", "kept"),
    [(0, 0), (LARGEST, LARGEST), (BEYOND, None), (10**30, None), (-5, None), (float("nan"), None), ("many", None)],
)
def test_a_row_count_is_a_number_that_a_table_can_have(
    instance: dg.DagsterInstance, tail: Tail, count: Any, kept: int | None, partition: str | None
) -> None:
    name = "dagster/partition_row_count" if partition else "dagster/row_count"
    built = dg.AssetMaterialization(ORDERS, metadata={name: count}, partition=partition)
    instance.report_runless_asset_event(built)
    tail.read()
    assert tail.newest().row_count == kept


@pytest.mark.parametrize(
    ("viewed", "kept"), [(15, 15), ("15", 15), (BEYOND, None), (str(BEYOND), None), (-1, None), ("new", None)]
)
def test_a_view_is_kept_whatever_it_says_was_seen(
    instance: dg.DagsterInstance, tail: Tail, viewed: Any, kept: int | None
) -> None:
    seen = {"incident_ops/viewer": "ana@example.com", "incident_ops/viewed": viewed}
    instance.report_runless_asset_event(dg.AssetObservation(ORDERS, metadata=seen))
    tail.read()
    assert [(view.viewer, view.materialization) for view in tail.views()] == [("ana@example.com", kept)]


@pytest.mark.parametrize(
    ("storage_id", "timestamp"),
    [(LARGEST, 1.5), (-1, -1e30), (7, 1e30), (7, float("nan")), (7, float("inf")), (True, 253402300799.0)],
)
def test_a_check_fails_whatever_it_says_it_looked_at(
    instance: dg.DagsterInstance, tail: Tail, storage_id: int, timestamp: float
) -> None:
    target = Target(storage_id=storage_id, run_id="", timestamp=timestamp)
    failed = Evaluation(asset_key=ORDERS, check_name="c", passed=False, target_materialization_data=target)
    instance.report_runless_asset_event(failed)
    tail.read()
    assert tail.failing() == {"c"}


@pytest.mark.parametrize(
    ("asset", "check", "partition"),
    [(LONG_NAME, "c", None), ("a", LONG_NAME, None), ("a", "c", LONG_NAME), ("ä" * 600, "c", None)],
)
def test_what_fails_under_a_name_too_long_for_a_database_is_told_as_an_event_that_cannot_be_read(
    instance: dg.DagsterInstance, tail: Tail, asset: str, check: str, partition: str | None
) -> None:
    failed = Evaluation(asset_key=dg.AssetKey(asset), check_name=check, passed=False, partition=partition)
    instance.report_runless_asset_event(failed)
    tail.read()
    subjects = [member.subject.name for incident in tail.incidents() for member in incident.members]
    assert subjects == ["incident_ops: unreadable events"]


NUMBERS = st.one_of(st.integers(), st.sampled_from([LARGEST, BEYOND, -BEYOND, -BEYOND - 1, 10**30]))
LONG = st.none().map(lambda _: LONG_NAME)
TEXTS = st.one_of(st.text(max_size=10), NUMBERS.map(str), st.sampled_from(["\x00", "{", "NaN"]), LONG)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
POINTS = st.fixed_dictionaries(
    {"metric": TEXTS, "value": st.one_of(NUMBERS, st.floats())},
    optional={"column": TEXTS, "low": st.floats(), "high": NUMBERS, "score": DOCUMENTS},
)
TIMES = st.one_of(st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"), TEXTS)
MEASUREMENTS = st.fixed_dictionaries(
    {"version": st.just(1), "at": TIMES, "evaluated_at": TIMES, "points": st.lists(POINTS, max_size=3)},
    optional={"partition": TEXTS},
)
SCHEMAS = st.lists(TEXTS, max_size=3).map(lambda names: dg.TableSchema([dg.TableColumn(n, n) for n in names]))
SOURCES = TEXTS.map(lambda name: dg.TableColumnDep(asset_key=dg.AssetKey("raw"), column_name=name))
LINEAGES = st.dictionaries(TEXTS, st.lists(SOURCES, max_size=2), max_size=3).map(dg.TableColumnLineage)
VALUES = st.one_of(
    NUMBERS.map(dg.MetadataValue.int),
    st.floats().map(dg.MetadataValue.float),
    TEXTS.map(dg.MetadataValue.text),
    st.builds(dg.JsonMetadataValue, DOCUMENTS),
    st.builds(dg.JsonMetadataValue, MEASUREMENTS),
    st.booleans().map(dg.MetadataValue.bool),
    st.just(dg.MetadataValue.null()),
    st.floats(min_value=0, max_value=4e9).map(dg.MetadataValue.timestamp),
    SCHEMAS.map(dg.MetadataValue.table_schema),
    LINEAGES.map(dg.MetadataValue.column_lineage),
)
READ = (
    "dagster/row_count",
    "dagster/partition_row_count",
    "dagster/column_schema",
    "dagster/column_lineage",
    "incident_ops/viewer",
    "incident_ops/viewed",
    "incident_ops/metrics",
    "incident_ops/attribution",
    "incident_ops/columns",
    "incident_ops/owner",
    "incident_ops/nature",
    "incident_ops/runbook",
    "incident",
)
METADATA = st.dictionaries(st.sampled_from((*READ, "rows")), VALUES, max_size=5)
TAGS = st.dictionaries(
    st.sampled_from((POINTER, "dagster/input_data_version/raw", "dagster/data_version", "dagster/code_version")),
    TEXTS,
    max_size=4,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    metadata=METADATA,
    tags=TAGS,
    target=st.builds(
        Target,
        storage_id=st.integers(min_value=-BEYOND, max_value=LARGEST),  # Dagster stores no other
        run_id=st.just(""),
        timestamp=st.floats(),
    ),
    partition=st.sampled_from([None, "d1"]) | LONG,
)
def test_no_event_stops_the_tail_whatever_stands_in_it(
    instance: dg.DagsterInstance,
    tail: Tail,
    metadata: Mapping[str, Any],
    tags: Mapping[str, str],
    target: Target,
    partition: str | None,
) -> None:
    odd = Evaluation(
        asset_key=ORDERS, check_name="odd", passed=False, metadata=metadata, target_materialization_data=target
    )
    built = dg.AssetMaterialization(ORDERS, metadata=metadata, tags=tags, partition=partition)
    for event in (built, dg.AssetObservation(ORDERS, metadata=metadata, tags=tags), odd):
        instance.report_runless_asset_event(event)
    instance.report_runless_asset_event(
        Evaluation(asset_key=dg.AssetKey("innocent"), check_name="c", passed=False)
    )
    before = tail.verdicts("innocent")
    tail.read()
    assert tail.verdicts("innocent") == before + 1
