"""The three data domains of the marketplace and who answers for them."""

from dataclasses import dataclass
from typing import Literal

Tier = Literal["gold", "silver", "bronze"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain is a group of assets with one owning team, which has a data engineer and a data analyst."""

    name: str
    engineer: str
    analyst: str

    @property
    def owner(self) -> str:
        return f"team:{self.name}"

    @property
    def people(self) -> dict[str, str]:
        """Asset metadata: who in the team looks after pipelines, and who after figures."""
        return {"engineer": self.engineer, "analyst": self.analyst}

    def tags(self, tier: Tier) -> dict[str, str]:
        return {"incident_ops/domain": self.name, "incident_ops/tier": tier}


def _domain(name: str) -> Domain:
    return Domain(name=name, engineer=f"{name}-engineer@acme.test", analyst=f"{name}-analyst@acme.test")


MARKETING = _domain("marketing")
FINANCE = _domain("finance")
SERVICE = _domain("service")
DOMAINS = {domain.name: domain for domain in (MARKETING, FINANCE, SERVICE)}
