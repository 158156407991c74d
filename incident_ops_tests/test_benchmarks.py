"""The benchmarks start, and without their data say so instead of failing."""

import pytest

from incident_ops_tests.benchmarks import delivery, routing
from incident_ops_tests.benchmarks.__main__ import ALL, main
from incident_ops_tests.benchmarks.table import DATA_VARIABLE


@pytest.mark.parametrize("name", ["arrivals", "changes", "intraday", "storms", "volume"])
def test_without_data_a_benchmark_says_that_it_was_skipped(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert main([name]) == 0
    assert f"skipped: no data, set {DATA_VARIABLE}" in capsys.readouterr().out


def test_a_benchmark_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["speed"]) == 2
    assert f"no benchmark speed: there are {', '.join(ALL)}" in capsys.readouterr().err


def test_the_routing_benchmark_measures_what_it_says():
    """A fast wrong answer, a smaller tree, or one label set over and over would be a good figure for nothing."""
    asked = routing.incidents(300)
    assert len({tuple(labels.items()) for labels, _ in asked}) == 300
    assert routing.wrong_answers(asked) == 0
    assert routing.size(routing.tree()) - 1 == routing.ROUTES
    decide = routing.ours()
    paged = {person for each in asked for person in decide(*each)[1]}
    assert len({person.split("_")[1] for person in paged}) > routing.SCHEDULES / 2


def test_the_delivery_benchmark_delivers_everything_and_is_not_slower_than_a_slow_machine_excuses():
    """It counts what arrived itself. The limits are generous: others may use this machine."""
    row = delivery.sqlite_row(60)
    assert float(row.measured.replace(",", "")) > delivery.ON_SQLITE / 40
    assert float(delivery.render_row(3).measured.removesuffix(" ms")) < 10 * delivery.RENDERED


def test_the_delivery_benchmarks_quiet_pass_is_a_pass_over_delivered_rows():
    row = delivery.quiet_row(history=2_000, rounds=15)
    assert "2,000 delivered" in row.name
    assert float(row.measured.split()[2]) < 3
