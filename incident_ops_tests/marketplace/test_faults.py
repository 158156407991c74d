"""Faults: injected and healed by name, by several hands at once, each touching one source."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from incident_ops.marketplace import faults
from incident_ops.marketplace.faults import FAULTS, FaultError, NothingDelivered, SourceUnavailable, UnknownFault
from incident_ops.marketplace.generate import generate
from incident_ops.marketplace.home import HOME_VARIABLE, Home
from incident_ops.marketplace.lock import StillLocked, exclusive

FRIDAY = date(2026, 11, 13)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(base=tmp_path / "home")


def test_faults_are_added_and_healed_one_by_one_or_all_at_once(home: Home) -> None:
    assert faults.active(home) == frozenset()
    faults.inject("late", home)
    assert faults.inject("null_prices", home) == {"late", "null_prices"}
    assert faults.heal("late", home) == {"null_prices"} == faults.active(home)
    assert faults.heal(home=home) == frozenset() == faults.active(home)


def test_an_unknown_name_is_refused_and_the_known_ones_are_told(home: Home) -> None:
    with pytest.raises(UnknownFault, match=r"'typo'; there are: .*null_prices"):
        faults.inject("typo", home)
    with pytest.raises(UnknownFault):
        faults.heal("typo", home)
    assert not home.base.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"active": 3}'])
def test_a_damaged_file_is_named_instead_of_read_as_no_faults(home: Home, text: str) -> None:
    home.create().faults.write_text(text, encoding="utf-8")
    with pytest.raises(FaultError, match=r"faults\.json is not of the form"):
        faults.active(home)


def test_faults_injected_at_the_same_time_are_all_kept(home: Home) -> None:
    """The file is read, changed and written: without the lock one of two hands would undo the other."""
    with ThreadPoolExecutor(len(FAULTS)) as hands:
        list(hands.map(lambda name: faults.inject(name, home), FAULTS))
    assert faults.active(home) == frozenset(FAULTS)


def test_a_lock_that_is_not_given_back_is_reported_in_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock", timeout=1),
        pytest.raises(StillLocked, match=r"held by somebody else for more than 0\.1 s"),
        exclusive(tmp_path / "lock", timeout=0.1),
    ):
        raise AssertionError("two holders of one lock")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_touches_one_source_and_none_when_healed(name: str) -> None:
    history, fault = generate(days=10, until=FRIDAY), FAULTS[name]
    for source in ("orders", "payments", "customers", "ad_spend", "support_tickets"):
        frame = history.frame(source)
        before = frame.copy()
        assert faults.spoilt(source, frame, until=FRIDAY, names=frozenset()) is frame
        if source != fault.source.name:
            assert faults.spoilt(source, frame, until=FRIDAY, names=frozenset({name})) is frame
            continue
        try:
            assert not faults.spoilt(source, frame, until=FRIDAY, names=frozenset({name})).equals(before)
        except (NothingDelivered, SourceUnavailable):
            assert name in {"late", "broken_payments"}
        assert frame.equals(before)


def test_null_prices_hit_one_channel_and_version_in_the_last_three_days_only() -> None:
    orders = generate(days=10, until=FRIDAY).orders
    spoilt = faults.spoilt("orders", orders, until=FRIDAY, names=frozenset({"null_prices"}))
    hit = spoilt.loc[spoilt["amount"].isna()]
    assert set(hit["channel"]) == {"tiktok"} and set(hit["app_version"]) == {"7.2"}
    assert {str(day) for day in hit["ordered_at"].dt.date} == {"2026-11-11", "2026-11-12", "2026-11-13"}


def test_the_command_line_injects_lists_and_heals(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home.base))
    say = CliRunner().invoke
    assert say(faults.main, ["inject", "null_prices"]).output == "active: null_prices\n"
    listed = say(faults.main, ["list"]).output
    assert "* null_prices" in listed and "  late" in listed
    assert say(faults.main, ["heal"]).output == "active: none\n"
    wrong = say(faults.main, ["inject", "typo"])
    assert wrong.exit_code == 2 and "no fault is called 'typo'" in wrong.output
