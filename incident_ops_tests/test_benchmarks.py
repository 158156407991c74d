"""The benchmarks start, and without their data say so instead of failing."""

import pytest

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
