"""How bad an incident is: SEV0 (worst) to SEV3, with the reasons listed.

Severities are never compared with `<`: a lower number is worse, and code that says so in words is read right.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from incident_ops.core.alert import AlertKind, CheckSeverity


class Severity(StrEnum):
    SEV0 = "SEV0"
    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"

    @property
    def rank(self) -> int:
        return int(self.value[-1])

    def is_at_least(self, other: "Severity") -> bool:
        """As bad as `other`, or worse."""
        return self.rank <= other.rank

    def milder(self) -> "Severity":
        return Severity(f"SEV{min(3, self.rank + 1)}")


class Priority(StrEnum):
    """The order of work. Follows severity until a person says otherwise."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


def worst_of(severities: Iterable[Severity]) -> Severity:
    """The worst of one or more severities."""
    return min(severities, key=lambda severity: severity.rank)


def priority_for(severity: Severity) -> Priority:
    return Priority(f"P{severity.rank}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A severity and why."""

    severity: Severity
    reasons: tuple[str, ...]


_ERROR_BY_TIER = {"gold": Severity.SEV1, "silver": Severity.SEV2, "bronze": Severity.SEV3}


def assess(
    *, check_severity: CheckSeverity, kind: AlertKind, tier: str | None, consumers: Sequence[str] = ()
) -> Assessment:
    """Severity of one alert: check severity × tier × who is hit, one step milder when we only could not check.

    Args:
        check_severity: WARN is SEV3 whatever the tier.
        kind: `check_errored` says that nothing is known of the data, not that it is bad.
        tier: value of the asset's tag `incident_ops/tier`; without one (or with an unknown one) as silver.
        consumers: people and teams known to use the asset; their presence makes a SEV3 a SEV2.
    """
    if check_severity is CheckSeverity.WARN:
        return Assessment(severity=Severity.SEV3, reasons=("the detector's severity is WARN",))
    severity = _ERROR_BY_TIER.get(tier or "", Severity.SEV2)
    reasons = ["the detector's severity is ERROR", f"tier {tier}" if tier else "no tier is set, taken as silver"]
    if consumers and severity is Severity.SEV3:
        severity = Severity.SEV2
        reasons.append(f"{len(consumers)} known consumers")
    if kind is AlertKind.CHECK_ERRORED:
        severity = severity.milder()
        reasons.append("one step milder: could not check is not check failed")
    return Assessment(severity=severity, reasons=tuple(reasons))
