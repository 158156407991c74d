"""Of which nature a check is, as it said itself with its newest evaluation: of the checks of other code locations
nothing else is known but the name."""

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.catalog import Catalog
from incident_ops.core.coverage import NatureOf, nature_by_name
from incident_ops.core.nature import NATURE_METADATA, nature_of_check

AT_ONCE = 300
"""Keys in one statement; each is two parameters, and an old SQLite takes 999."""
MOST = 20_000
_T = TypeVar("_T")


def nature_in(instance: dg.DagsterInstance, catalog: Catalog) -> NatureOf:
    """As the catalog's checks said themselves, else by their names."""
    told = natures_of(instance, [(node.key, check) for node in catalog.nodes for check in node.checks])
    return lambda asset, check: told.get((asset, check)) or nature_by_name(asset, check)


def natures_of(instance: dg.DagsterInstance, checks: Collection[tuple[str, str]]) -> dict[tuple[str, str], Nature]:
    """By (asset, check); those that never said theirs are left out. Of very many (0.1 ms each) only those are
    asked whose name tells nothing."""
    if len(checks) > MOST:
        checks = [(asset, check) for asset, check in checks if nature_of_check(check, None) is Nature.RULE]
    found: dict[tuple[str, str], Nature] = {}
    for part in _parts(list(checks)):
        keys = {dg.AssetCheckKey(dg.AssetKey(asset.split("/")), check): (asset, check) for asset, check in part}
        newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
        for key, record in newest.items():
            evaluation = record.evaluation  # or a plan to evaluate, where the check raised or still runs
            known = isinstance(evaluation, dg.AssetCheckEvaluation)
            declared = evaluation.metadata.get(NATURE_METADATA) if known else None
            if isinstance(declared, dg.TextMetadataValue) and declared.value:
                found[keys[key]] = nature_of_check(key.name, declared.value)
    return found


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
