"""What a run that ended amounts to, as a table of runs: what failed by itself, and what was merely not run."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from incident_ops.core.alert import AlertKind, AssetRef, ErrorClass
from incident_ops.core.runs import (
    CHECK_STOPPED_STEP,
    DBT_FAILED,
    Evaluated,
    Failure,
    Planned,
    RunLog,
    Step,
    StepError,
    StepStatus,
    account_for,
)
from incident_ops_tests.builders import minutes

OK, FAILED, STARTED = StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.STARTED
SKIPPED, NEVER = StepStatus.SKIPPED, StepStatus.NOT_STARTED

BROKEN = StepError(class_name="ValueError", message="no")
BY_CHECK = StepError(class_name=CHECK_STOPPED_STEP, message="1 blocking check failed")
BY_DBT = StepError(class_name=DBT_FAILED, message="dbt exited with 1")
EVICTED = StepError(class_name="DagsterExecutionInterruptedError", message="")


def step(key: str, status: StepStatus, *, after: Iterable[str] = (), error: StepError | None = None) -> Step:
    ended = minutes(5) if status is FAILED else None
    return Step(key=key, status=status, upstream=frozenset(after), error=error, ended_at=ended)


def planned(
    asset: str, at_step: str | None = None, *, check: str | None = None, partition: str | None = None
) -> Planned:
    return Planned(asset=AssetRef(key=asset), step=at_step or asset, check=check, partition=partition)


def evaluated(
    asset: str, check: str, at_step: str, *, passed: bool = False, is_error: bool = True, blocks: bool = False
) -> Evaluated:
    return Evaluated(
        asset=AssetRef(key=asset), check=check, step=at_step, passed=passed, is_error=is_error, blocks=blocks,
        at=minutes(4), materialization=42,
    )  # fmt: skip


def run(
    *steps: Step,
    plan: Iterable[Planned] = (),
    built: Iterable[str | tuple[str, str]] = (),
    checks: Iterable[Planned] = (),
    seen: Iterable[Evaluated] = (),
    **anything: Any,
) -> RunLog:
    values: dict[str, Any] = {
        "run_id": "r1",
        "group": "r1",
        "job": "nightly",
        "location": "shop",
        "failed": True,
        "ended_at": minutes(60),
        "steps": {each.key: each for each in steps},
        "planned": tuple(plan),
        "built": frozenset(key if isinstance(key, tuple) else (key, None) for key in built),
        "planned_checks": tuple(checks),
        "evaluated": tuple(seen),
    }
    return RunLog(**(values | anything))


def account(log: RunLog, edges: Mapping[str, Iterable[str]] | None = None) -> tuple[Failure, ...]:
    return account_for(log, upstream=lambda key: (edges or {}).get(key, ()))


def told(failures: Iterable[Failure]) -> dict[str, str]:
    """Subject → kind, and what was not run on its account."""
    return {
        str(f.subject): f"{f.kind}{''.join(f' | {item.asset}' for item in f.not_run)}" for f in failures
    }  # fmt: skip


PAIR = [planned("left", "pair"), planned("right", "pair")]
DBT_PLAN = [planned(key, "dbt") for key in ("stg", "orders", "revenue", "stock")]
DBT_EDGES = {"orders": ["stg"], "revenue": ["orders"], "stock": []}
DBT_TEST = evaluated("orders", "unique", "dbt")

ROWS: dict[str, tuple[RunLog, Mapping[str, Iterable[str]], dict[str, str]]] = {
    "a step that raises fails its asset; what comes after is listed": (
        run(
            step("a", FAILED, error=BROKEN), step("b", SKIPPED, after=["a"]), step("c", OK),
            plan=[planned("a"), planned("b"), planned("c")], built=["c"],
        ),
        {},
        {"a": "run_failed | b"},
    ),
    "a multi-asset that raised after its first asset fails the second only": (
        run(step("pair", FAILED, error=BROKEN), plan=PAIR, built=["left"]),
        {},
        {"right": "run_failed"},
    ),
    "a multi-asset without known lineage that built nothing fails with all its assets": (
        run(step("pair", FAILED, error=BROKEN), plan=PAIR),
        {},
        {"left": "run_failed", "right": "run_failed"},
    ),
    "inside a step, lineage tells what merely follows": (
        run(step("pair", FAILED, error=BROKEN), plan=PAIR),
        {"right": ["left"]},
        {"left": "run_failed | right"},
    ),
    "a dbt test that failed explains the models below it, by lineage": (
        run(step("dbt", FAILED, error=BY_DBT), plan=DBT_PLAN, built=["stg", "orders", "stock"], seen=[DBT_TEST]),
        DBT_EDGES,
        {"orders: unique": "run_failed | revenue"},
    ),
    "a dbt model beside the failed test failed by itself, by lineage": (
        run(step("dbt", FAILED, error=BY_DBT), plan=DBT_PLAN, built=["stg", "orders"], seen=[DBT_TEST]),
        DBT_EDGES,
        {"orders: unique": "run_failed | revenue", "stock": "run_failed"},
    ),
    "without lineage a failed dbt test explains everything that is missing": (
        run(step("dbt", FAILED, error=BY_DBT), plan=DBT_PLAN, built=["stg", "orders"], seen=[DBT_TEST]),
        {},
        {"orders: unique": "run_failed | revenue | stock"},
    ),
    "a dbt test of severity warn stops nothing": (
        run(
            step("dbt", FAILED, error=BY_DBT), plan=DBT_PLAN, built=["stg", "orders", "stock"],
            seen=[evaluated("orders", "unique", "dbt", is_error=False)],
        ),
        DBT_EDGES,
        {"revenue": "run_failed"},
    ),
    "a blocking check in a multi-asset fails, not the assets that it held back": (
        run(
            step("pair", FAILED, error=BY_CHECK), step("dash", SKIPPED, after=["pair"]),
            plan=[planned("left", "pair"), planned("right", "pair"), planned("dash")], built=["left"],
            seen=[evaluated("left", "rows", "pair", blocks=True), evaluated("left", "note", "pair")],
        ),
        {},
        {"left: rows": "run_failed | right | dash"},
    ),
    "a blocking check holds back the rest of its step, related or not": (
        run(
            step("pair", FAILED, error=BY_CHECK), plan=PAIR, built=["left"],
            seen=[evaluated("left", "rows", "pair", blocks=True)],
        ),
        {"right": ["elsewhere"]},
        {"left: rows": "run_failed | right"},
    ),
    "two blocking checks are two failures": (
        run(
            step("pair", FAILED, error=BY_CHECK), plan=[planned("left", "pair")], built=["left"],
            seen=[evaluated("left", "rows", "pair", blocks=True), evaluated("left", "nulls", "pair", blocks=True)],
        ),
        {},
        {"left: rows": "run_failed", "left: nulls": "run_failed"},
    ),
    "a check that raises in a step of its own could not be evaluated": (
        run(step("a", OK), step("a_rows", FAILED, error=BROKEN), plan=[planned("a")], built=["a"],
            checks=[planned("a", "a_rows", check="rows")]),
        {},
        {"a: rows": "check_errored"},
    ),
    "checks of an asset that was not built are not told beside it": (
        run(step("a", FAILED, error=BROKEN), plan=[planned("a")], checks=[planned("a", check="rows")]),
        {},
        {"a": "run_failed"},
    ),
    "an op job fails as a job": (run(step("op", FAILED, error=BROKEN)), {}, {"shop/nightly": "run_failed"}),
    "two steps that fail are two failures, each with what follows it": (
        run(
            step("a", FAILED, error=BROKEN), step("b", FAILED, error=BROKEN),
            step("c", SKIPPED, after=["a"]), step("d", SKIPPED, after=["b"]),
            plan=[planned(key) for key in "abcd"],
        ),
        {},
        {"a": "run_failed | c", "b": "run_failed | d"},
    ),
    "a run that died while building fails what was being built": (
        run(step("a", OK), step("b", STARTED, after=["a"]), step("c", NEVER, after=["b"]),
            plan=[planned(key) for key in "abc"], built=["a"]),
        {},
        {"b": "not_materialized | c"},
    ),
    "a run that never came up fails what it would have built first": (
        run(step("a", NEVER), step("b", NEVER, after=["a"]), plan=[planned("a"), planned("b")]),
        {},
        {"a": "not_materialized | b"},
    ),
    "a job without assets that never came up fails as a job": (
        run(step("op", NEVER)), {}, {"shop/nightly": "run_failed"},
    ),
    "a run without any events fails as a job": (run(), {}, {"shop/nightly": "run_failed"}),
    "a planned check that a successful run never evaluated is told": (
        run(step("a", OK), failed=False, plan=[planned("a")], built=["a"],
            checks=[planned("a", check="rows"), planned("a", check="nulls")], seen=[evaluated("a", "nulls", "a")]),
        {},
        {"a: rows": "check_errored"},
    ),
    "a check whose step was skipped in a successful run is not told": (
        run(step("a", SKIPPED), failed=False, plan=[planned("a")], checks=[planned("a", check="rows")]),
        {},
        {},
    ),
    "a successful run that skipped an optional asset is well": (
        run(step("a", OK), failed=False, plan=[planned("a"), planned("b", "a")], built=["a"]), {}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_run_is_accounted_for_exactly(row: str) -> None:
    """Owners of what was built, and of what merely waited, must not be paged."""
    log, edges, expected = ROWS[row]
    assert told(account(log, edges)) == expected


def test_the_texts_of_errors_decide_nothing() -> None:
    """A message that names other assets once sent the alert to their owners."""
    error = StepError(class_name="ValueError", message="left and right are broken, a is fine")
    log = run(step("a", FAILED, error=error), plan=[planned("a"), planned("left")], built=["left"])
    assert told(account(log)) == {"a": "run_failed"}


@pytest.mark.parametrize(
    ("error", "error_class"),
    [(BROKEN, ErrorClass.USER_CODE), (EVICTED, ErrorClass.INTERRUPTED), (None, ErrorClass.USER_CODE)],
)
def test_a_worker_taken_away_is_a_class_of_its_own(error: StepError | None, error_class: ErrorClass) -> None:
    [failure] = account(run(step("a", FAILED, error=error), plan=[planned("a")]))
    assert (failure.error_class, failure.step, failure.error) == (error_class, "a", error)


def test_a_death_and_a_blocking_check_have_classes_of_their_own() -> None:
    [died] = account(run(step("a", STARTED), plan=[planned("a")]))
    [by_check] = account(
        run(
            step("a", FAILED, error=BY_CHECK),
            built=["a"],
            plan=[planned("a")],
            seen=[evaluated("a", "r", "a", blocks=True)],
        )
    )
    assert (died.error_class, died.step, died.kind) == (ErrorClass.DIED, None, AlertKind.NOT_MATERIALIZED)
    assert (by_check.error_class, by_check.materialization) == (ErrorClass.CHECK, 42)


def test_a_failure_happened_when_its_step_ended_not_when_the_run_did() -> None:
    """A run may go on for hours after."""
    [raised] = account(run(step("a", FAILED, error=BROKEN), plan=[planned("a")]))
    [died] = account(run(step("a", STARTED), plan=[planned("a")]))
    assert (raised.at, died.at) == (minutes(5), minutes(60))


def test_partitions_are_told_apart() -> None:
    plan = [planned("a", partition="p1"), planned("a", partition="p2")]
    failures = account(run(step("a", FAILED, error=BROKEN), plan=plan, built=[("a", "p1")]))
    assert [f.partition for f in failures] == ["p2"]


def test_an_inner_step_of_a_graph_asset_fails_for_the_asset_that_its_node_gives() -> None:
    """Dagster plans the asset for the step that gives its output, and another step of the node fails."""
    inner = [step("ga.load", FAILED, error=BROKEN), step("ga.write", NEVER, after=["ga.load"])]
    [failure] = account(run(*inner, plan=[planned("ga", at_step="ga.write"), planned("b")]))
    assert str(failure.subject) == "ga"


def test_a_mapped_step_fails_for_the_asset_that_collects_it() -> None:
    inner = [
        step("ga.part[2]", FAILED, error=BROKEN),
        step("ga.collect", NEVER, after=["ga.part[?]"]),
    ]
    [failure] = account(run(*inner, plan=[planned("ga", at_step="ga.collect")]))
    assert str(failure.subject) == "ga"


def test_a_run_that_ended_with_an_error_of_its_own_says_that_error() -> None:
    """A resource that cannot start fails no step; "out of memory" would send people the wrong way."""
    [failure] = account(run(step("a", NEVER), plan=[planned("a")], error=BROKEN))
    assert (failure.error, failure.error_class) == (BROKEN, ErrorClass.USER_CODE)
