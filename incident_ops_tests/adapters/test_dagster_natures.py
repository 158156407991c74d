"""What a check is about, as it says itself: asked of Dagster's own event log."""

import dagster as dg

from incident_ops.adapters.dagster_natures import AT_ONCE, natures_of
from incident_ops.core.alert import Nature
from incident_ops.core.nature import NATURE_METADATA


@dg.asset
def orders() -> None:
    return None


@dg.asset_check(asset=orders)
def looks_right() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, metadata={NATURE_METADATA: "volume"})


@dg.asset_check(asset=orders)
def amount_is_present() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={NATURE_METADATA: "rule"})


@dg.asset_check(asset=orders)
def adds_up() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=orders)
def crashes() -> dg.AssetCheckResult:
    raise ConnectionError("the warehouse is down")


def test_the_nature_is_the_one_that_the_newest_evaluation_declares(instance: dg.DagsterInstance) -> None:
    dg.materialize(
        [orders, looks_right, amount_is_present, adds_up, crashes], instance=instance, raise_on_error=False
    )
    asked = [("orders", name) for name in ("looks_right", "amount_is_present", "adds_up", "crashes", "never_ran")]
    assert natures_of(instance, asked) == {
        ("orders", "looks_right"): Nature.VOLUME,
        ("orders", "amount_is_present"): Nature.RULE,
    }


def test_a_great_many_checks_are_asked_for_in_parts(instance: dg.DagsterInstance) -> None:
    """One statement with all of them is refused by SQLite."""
    dg.materialize([orders, looks_right], instance=instance)
    many = [(f"shop/{number}", "adds_up") for number in range(3 * AT_ONCE)]
    assert natures_of(instance, [*many, ("orders", "looks_right")]) == {("orders", "looks_right"): Nature.VOLUME}
