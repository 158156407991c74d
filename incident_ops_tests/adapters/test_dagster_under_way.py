"""What is being built right now, as Dagster knows it: every case here is a real run on a real instance."""

from datetime import timedelta

import dagster as dg

from incident_ops.adapters.dagster_under_way import RunsUnderWay
from incident_ops_tests.adapters.event_log import now
from incident_ops_tests.adapters.under_way import enqueued, watched


def test_a_run_is_seen_from_its_start_with_what_it_has_built_and_has_failed_to_build(
    instance: dg.DagsterInstance,
):
    before = now()
    [run] = watched(instance)
    assert run.started_at is not None
    assert before - timedelta(seconds=1) <= run.started_at <= min(run.built.values())
    assert run.built.keys() == {"shop/raw", "orders"}
    assert (run.to_come, run.failed) == ({"left", "right", "cfo_dash"}, {"broken"})


def test_a_run_that_is_over_is_under_way_no_more(instance: dg.DagsterInstance):
    watched(instance)
    assert RunsUnderWay(instance)(["cfo_dash", "broken"]) == []


def test_a_run_that_waits_in_the_queue_has_not_begun(instance: dg.DagsterInstance):
    enqueued(instance, "raw", "orders")
    [run] = RunsUnderWay(instance)(["orders"])
    assert (run.started_at, run.to_come, run.built) == (None, {"raw", "orders"}, {})


def test_runs_of_other_assets_and_what_is_built_already_do_not_matter(instance: dg.DagsterInstance):
    assert watched(instance, assets=["shop/raw", "orders", "elsewhere"]) == []


def test_one_pass_has_one_look(instance: dg.DagsterInstance):
    under_way = RunsUnderWay(instance)
    assert under_way(["raw"]) == []
    enqueued(instance, "raw")
    assert under_way(["raw"]) == []
    assert RunsUnderWay(instance)(["raw"]) != []
