"""What arrives from the watched systems, normalised: alerts that fire, recoveries that end them.

Translating a vendor's events into these values is an adapter's work; deciding what becomes of them is
`belonging`'s, `grouping`'s and `incident`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from incident_ops.core.attribution.record import Attribution
from incident_ops.core.declared import Declared
from incident_ops.core.metrics import Measurement


class AlertKind(StrEnum):
    """How the trouble was seen. Kinds are listed from the most to the least specific; see `most_specific`."""

    CHECK_FAILED = "check_failed"
    CHECK_ERRORED = "check_errored"
    FRESHNESS = "freshness"
    RUN_FAILED = "run_failed"
    NOT_MATERIALIZED = "not_materialized"
    EXTERNAL = "external"


class Nature(StrEnum):
    """Which quality of the data is in doubt; routing asks it before it asks anything else."""

    FRESHNESS = "freshness"
    VOLUME = "volume"
    SCHEMA = "schema"
    FIELD_HEALTH = "field_health"
    RULE = "rule"
    PIPELINE = "pipeline"


class CheckSeverity(StrEnum):
    """The severity a detector's author gave its finding (Dagster's `AssetCheckSeverity`)."""

    WARN = "WARN"
    ERROR = "ERROR"


class ErrorClass(StrEnum):
    """Why a run ended badly, as far as its error tells."""

    USER_CODE = "user_code"
    INTERRUPTED = "interrupted"
    DIED = "died"
    CHECK = "check"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AssetRef:
    """An asset, by its key written `a/b`."""

    key: str

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.key.split("/"))

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """An asset that was planned and not built because something before it failed: listed, never paged."""

    asset: AssetRef
    because: str

    def __str__(self) -> str:
        return f"{self.asset.key} (not run: upstream {self.because})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an alert is founded on, fit to be shown: secrets are redacted before it is made.

    Attributes:
        summary: one line.
        detail: the longer text (an error with its place, failing rows), or empty.
        facts: small named figures, in the order to be shown.
        error_class: set when the alert tells of an error.
        error_signature: the error's identity across repeats (see `fingerprint.error_signature`).
        not_run: what was skipped on account of it.
        attribution: which of the rows failed, where the check has found it out.
    """

    summary: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    error_class: ErrorClass | None = None
    error_signature: str = ""
    not_run: tuple[NotRun, ...] = ()
    attribution: Attribution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The thing that fails: a check on an asset, an asset's freshness, the building of an asset, a job,
    or (for senders other than Dagster, and for ourselves) a name of the sender's choice."""

    asset: AssetRef | None = None
    check: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        if self.asset is None:
            return self.name or "unnamed"
        return f"{self.asset.key}: {self.check}" if self.check else self.asset.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that needs a human, firing until a recovery ends it.

    Attributes:
        event_id: identity of the raw event; the same event read twice has the same id.
        family: which of a subject's troubles this is (`check`, `freshness`, `run`, `job`, `external`).
        partition: the partition key that failed, if any.
        run_id: the run in which it happened.
        run_group: the first run of a chain of retries; equal to `run_id` without retries.
        cause: identity of the one failure that several alerts tell of (`run id/step`): a step that fails
            before it has built three assets is one failure with three alerts.
        is_echo: another alert tells of the same failure, more directly: a run's failure after its step's, a
            step's after the check's that stopped it. Evidence, and not one failure more.
        materialization: storage id of the materialization that was looked at.
        occurred_at: when it happened at the source (aware UTC).
        observed_at: when we read it (aware UTC).
        began_at: when the bad data was written, where that is known.
        declared: what the check's evaluation says of the check; None for whatever is no evaluation.
        measurement: what the check measured, where it says so. Of an alert that was just read: what is stored
            has its points in the history.
    """

    event_id: str
    kind: AlertKind
    nature: Nature
    subject: Subject
    occurred_at: datetime
    observed_at: datetime
    evidence: Evidence
    check_severity: CheckSeverity = CheckSeverity.ERROR
    family: str = ""
    partition: str | None = None
    run_id: str | None = None
    run_group: str | None = None
    cause: str | None = None
    is_echo: bool = False
    materialization: int | None = None
    began_at: datetime | None = None
    declared: Declared | None = None
    measurement: Measurement | None = field(default=None, compare=False)

    @property
    def asset(self) -> AssetRef | None:
        return self.subject.asset

    @property
    def check(self) -> str | None:
        return self.subject.check

    @property
    def fingerprint(self) -> str:
        """Identity of the alert across repeats: the failing thing, not its message, run or partition."""
        return fingerprint(self.family or family_of(self.kind, self.subject), self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The good news that ends an alert: a check passed, freshness is back, the asset was built.

    `partition` None from a source without partitions heals the unpartitioned alert only; `all_partitions`
    heals every partition (freshness knows no partitions).
    """

    event_id: str
    fingerprint: str
    occurred_at: datetime
    summary: str
    partition: str | None = None
    all_partitions: bool = False
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySucceeded:
    """A retry of a failed run ended well: incidents of that chain of runs are flaky."""

    event_id: str
    run_group: str
    run_id: str
    occurred_at: datetime


Observation = Alert | Recovery | RetrySucceeded


def family_of(kind: AlertKind, subject: Subject) -> str:
    """The family of a subject's troubles that a kind belongs to; a check's failure to run is still the
    check's trouble, and so is the run failure that a blocking check causes."""
    if subject.check is not None:
        return "check"
    if kind is AlertKind.FRESHNESS:
        return "freshness"
    if kind is AlertKind.EXTERNAL:
        return "external"
    return "run" if subject.asset is not None else "job"


def fingerprint(family: str, subject: Subject) -> str:
    """`check|a/b|not_null`, `freshness|a/b`, `run|a/b`, `job|name`, `external|name`."""
    parts = (family, subject.asset.key if subject.asset else subject.name or "", subject.check or "")
    return "|".join(part for part in parts if part)


def most_specific(a: AlertKind, b: AlertKind) -> AlertKind:
    """Of two kinds seen for one subject the one that says more, whatever the order of arrival."""
    order = list(AlertKind)
    return min(a, b, key=order.index)
