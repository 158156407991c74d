"""What all factories share: which assets, the options every check has, and how a finding becomes a check's result.

One `AssetChecksDefinition` per asset: a table that cannot be read keeps no other table's check from running.
What a detector looks at, and what it finds, is each factory's own.
"""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.declared import (
    COLUMNS_METADATA,
    OWNER_METADATA,
    RUNBOOK_METADATA,
    TIER_METADATA,
    TIERS,
    is_owner,
    usable_runbook,
)
from incident_ops.core.errors import IncidentOpsError
from incident_ops.core.metrics import METRICS_METADATA, Measured, Measurement, document_of
from incident_ops.core.nature import NATURE_METADATA
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, Target, targets_of


class DetectorError(IncidentOpsError, ValueError):
    """A factory was called with something it cannot use; the message names it and the remedy."""


class CheckOptions(TypedDict, total=False):
    """Options that every factory takes.

    Attributes:
        name: of the check; by default the factory's (`volume`). Two checks of a kind on one asset need two names.
        severity: of a failure, ERROR by default: an ERROR opens an incident that is pushed, a WARN goes to the
            digest.
        blocking: a failure with ERROR keeps downstream assets of the same run from being built. Default: no.
        description: shown with the check; by default what it looks at.
        owner: told instead of the asset's owner: `team:x` or an e-mail address.
        tier: `gold`, `silver` or `bronze`, instead of the asset's own.
        runbook: URL (http or https) of what to do, shown with the incident.
        pool: Dagster's concurrency pool, such as one for a warehouse.
        by_partition: whether a check of a partitioned asset is partitioned too (the default): it then runs with
            the building of each partition, and each has a verdict of its own. Without, it can run by itself, looks
            at the newest partition, and has one verdict.
        automation_condition: when Dagster runs it by itself; a schedule is `build_detector_schedule`'s.
        tags: of the op that runs it.
        among: the definitions that a selection chooses from, where `assets` is one.
        clock: tells the time (aware); for tests and replays.
    """

    name: str
    severity: dg.AssetCheckSeverity
    blocking: bool
    description: str
    owner: str
    tier: str
    runbook: str
    pool: str
    by_partition: bool
    automation_condition: dg.AutomationCondition[dg.AssetCheckKey]
    tags: Mapping[str, str]
    among: Sequence[dg.AssetsDefinition | dg.SourceAsset]
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a detector found.

    Attributes:
        summary: one sentence, the check's description in Dagster and the incident's first line.
        severity: of this failure, when it is not the one of the options (an additive schema change is milder).
        metadata: what else is shown with the result; names of the project's own keys excepted.
        metrics: what was measured, for the history that the next evaluation is judged by.
        columns: the columns that are bad, empty for the whole table.
    """

    passed: bool
    summary: str
    severity: dg.AssetCheckSeverity | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Measured] = ()
    columns: Sequence[str] = ()


def build_checks(
    assets: Assets,
    look: Callable[[Scope], Finding],
    *,
    nature: Nature,
    name: str,
    description: str,
    options: CheckOptions,
    additional_deps: Iterable[dg.AssetKey] = (),
) -> list[dg.AssetChecksDefinition]:
    """One check per asset, which calls `look` and reports its finding. An exception of `look` stays one: "could
    not check" is another thing than "failed".

    Args:
        name, description: of the factory; `options` has the user's.

    Raises:
        DetectorError: an option that cannot be used, or assets that cannot be told.
    """
    _require_usable(options)
    return [
        _check(
            target,
            look,
            nature=nature,
            name=options.get("name", name),
            description=options.get("description", description),
            options=options,
            additional_deps=[key for key in additional_deps if key != target.key],
        )
        for target in targets_of(assets, among=options.get("among", ()))
    ]


def _check(
    target: Target,
    look: Callable[[Scope], Finding],
    *,
    nature: Nature,
    name: str,
    description: str,
    options: CheckOptions,
    additional_deps: Sequence[dg.AssetKey],
) -> dg.AssetChecksDefinition:
    clock = options.get("clock", _now)

    def run(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        scope = Scope.of(context, target, check=name, now=clock())
        return result_of(look(scope), scope, nature=nature, options=options)

    with warnings.catch_warnings():
        # partitions of checks are in preview, and without them a check of a partition is one of the whole asset
        warnings.simplefilter("ignore", dg.PreviewWarning)
        spec = dg.AssetCheckSpec(
            name,
            asset=target.key,
            description=description,
            additional_deps=additional_deps,
            blocking=options.get("blocking", False),
            metadata=_declared(nature, options),
            automation_condition=options.get("automation_condition"),
            partitions_def=target.partitions_def if options.get("by_partition", True) else None,
        )
        return dg.multi_asset_check(
            specs=[spec],
            name=op_name(name, target.key),
            description=description,
            op_tags=options.get("tags"),
            pool=options.get("pool"),
        )(run)


def result_of(finding: Finding, scope: Scope, *, nature: Nature, options: CheckOptions) -> dg.AssetCheckResult:
    """The finding as Dagster's result: with its nature, its metrics for the history, and what the options say of
    owner, tier and runbook, since an evaluation is all that other code locations see of a check."""
    metadata: dict[str, Any] = {**finding.metadata, **_declared(nature, options)}
    if finding.metrics:
        measurement = Measurement(
            at=scope.at, evaluated_at=scope.now, partition=scope.partition, points=tuple(finding.metrics)
        )
        metadata[METRICS_METADATA] = dg.MetadataValue.json(document_of(measurement))
    if finding.columns:
        metadata[COLUMNS_METADATA] = dg.MetadataValue.json(list(finding.columns))
    return dg.AssetCheckResult(
        asset_key=scope.target.key,
        check_name=scope.check,
        passed=finding.passed,
        severity=finding.severity or options.get("severity", dg.AssetCheckSeverity.ERROR),
        description=finding.summary,
        metadata=metadata,
    )


def op_name(name: str, key: dg.AssetKey) -> str:
    """A name for the op: letters, digits and underscores, and a digest where that makes two keys alike."""
    plain = "__".join([*key.path, name])
    safe = re.sub(r"\W", "_", plain, flags=re.ASCII)
    if safe == "__".join([*key.path, name]) and all("__" not in part for part in (*key.path, name)):
        return safe
    return f"{safe}_{hashlib.sha256(repr((key.path, name)).encode()).hexdigest()[:8]}"


def _declared(nature: Nature, options: CheckOptions) -> dict[str, Any]:
    declared: dict[str, Any] = {NATURE_METADATA: nature.value}
    if "owner" in options:
        declared[OWNER_METADATA] = options["owner"]
    if "tier" in options:
        declared[TIER_METADATA] = options["tier"]
    if "runbook" in options:
        declared[RUNBOOK_METADATA] = dg.MetadataValue.url(options["runbook"])
    return declared


def _require_usable(options: CheckOptions) -> None:
    unknown = sorted(options.keys() - CheckOptions.__annotations__.keys())
    if unknown:
        known = ", ".join(sorted(CheckOptions.__annotations__))
        raise DetectorError(f"there is no option {', '.join(unknown)}: there are {known}")
    tier, owner = options.get("tier", TIERS[0]), options.get("owner", "team:x")
    if tier not in TIERS:
        raise DetectorError(f"tier {tier!r} is none of {', '.join(TIERS)}")
    if not is_owner(owner):
        raise DetectorError(f"owner {owner!r} is neither a team (`team:{owner}`) nor an e-mail address")
    # by what an evaluation is read with: a runbook that is taken here and dropped there would be missed at night
    if "runbook" in options and not usable_runbook(options["runbook"]):
        raise DetectorError("the runbook is no address: give a URL that begins with https://, without a secret")


def _now() -> datetime:
    return datetime.now(UTC)
