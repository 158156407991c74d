"""What holds for the account of any run at all, however odd."""

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.alert import AlertKind
from incident_ops.core.runs import CHECK_STOPPED_STEP, DBT_FAILED, RunLog, StepError, StepStatus, account_for
from incident_ops_tests.core.test_runs import evaluated, planned, run, step

ASSETS = tuple("abcdef")
yes_or_no = st.booleans()
ERRORS = ["ValueError", CHECK_STOPPED_STEP, DBT_FAILED, "DagsterExecutionInterruptedError"]


@st.composite
def run_logs(draw: st.DrawFn) -> RunLog:
    """Up to four steps in a line or beside each other, six assets among them, checks, and any ending."""
    keys = draw(st.lists(st.sampled_from(["s1", "s2", "s3", "s4"]), min_size=1, unique=True))
    steps = []
    for place, key in enumerate(keys):
        status = draw(st.sampled_from(list(StepStatus)))
        name = draw(st.none() | st.sampled_from(ERRORS))
        error = StepError(class_name=name, message="no") if name and status is StepStatus.FAILED else None
        after = draw(st.lists(st.sampled_from(keys[:place]), unique=True)) if place else []
        steps.append(step(key, status, after=after, error=error))
    home = {asset: draw(st.sampled_from(keys)) for asset in ASSETS}
    plan = [planned(asset, home[asset]) for asset in draw(st.lists(st.sampled_from(ASSETS), unique=True))]
    checked = draw(st.lists(st.sampled_from(ASSETS), unique=True))
    seen = [
        evaluated(
            asset, "c", home[asset], passed=draw(yes_or_no), is_error=draw(yes_or_no), blocks=draw(yes_or_no)
        )
        for asset in draw(st.lists(st.sampled_from(ASSETS), unique=True))
    ]
    return run(
        *steps,
        plan=plan,
        built=draw(st.lists(st.sampled_from(ASSETS), unique=True)),
        checks=[planned(asset, home[asset], check="c") for asset in checked],
        seen=seen,
    )


lineages = st.dictionaries(st.sampled_from(ASSETS), st.lists(st.sampled_from(ASSETS), max_size=2))


@given(run_logs(), lineages)
def test_what_was_built_is_never_among_the_failures(log: RunLog, lineage: dict[str, list[str]]) -> None:
    for failure in account_for(log, upstream=lambda key: lineage.get(key, ())):
        if failure.subject.asset and failure.subject.check is None:
            assert (failure.subject.asset.key, None) not in log.built


@given(run_logs(), lineages)
def test_every_failed_step_leaves_a_failure_and_every_failed_run_does(
    log: RunLog, lineage: dict[str, list[str]]
) -> None:
    failures = account_for(log, upstream=lambda key: lineage.get(key, ()))
    failed = {key for key, each in log.steps.items() if each.status is StepStatus.FAILED}
    assert failed <= {failure.step for failure in failures}
    assert failures


@given(run_logs(), lineages)
def test_every_missing_asset_is_a_failure_or_listed_as_not_run(log: RunLog, lineage: dict[str, list[str]]) -> None:
    """Lineage may even be a circle: nothing is lost."""
    failures = account_for(log, upstream=lambda key: lineage.get(key, ()))
    failed = {f.subject.asset.key for f in failures if f.subject.asset and f.subject.check is None}
    listed = {item.asset.key for failure in failures for item in failure.not_run}
    assert not failed & listed, "either its own fault or another's"
    assert {item.asset.key for item in log.missing} <= failed | listed


@given(run_logs(), lineages)
def test_nothing_is_told_twice(log: RunLog, lineage: dict[str, list[str]]) -> None:
    failures = account_for(log, upstream=lambda key: lineage.get(key, ()))
    told = [(failure.subject, failure.partition) for failure in failures if failure.subject.asset]
    assert len(told) == len(set(told))
    assert all(f.kind is not AlertKind.CHECK_FAILED for f in failures), "that is the evaluation's own to say"
