"""The labels of an incident: what matchers in the configuration can ask for."""

from collections.abc import Mapping

from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, Nature
from incident_ops.core.catalog import DOMAIN_TAG, TIER_TAG, AssetNode
from incident_ops.core.declared import Declared
from incident_ops.core.watchdog import OWN_TROUBLE


def labels_of(alert: Alert, node: AssetNode | None, *, environment: str) -> Mapping[str, str]:
    """Labels known when an alert arrives. What is not known is left out: a missing label equals the empty string.

    Owner and team are those of the first owner; `prefix` is the asset key without its last part.
    """
    asset = alert.asset
    labels = {
        "environment": environment,
        **labels_of_trouble(alert.nature, alert.kind, alert.check_severity),
        "asset": asset.key if asset else "",
        "prefix": "/".join(asset.path[:-1]) if asset else "",
        "check": alert.check or "",
        "partition": alert.partition or "",
        "name": alert.subject.name or "",
        "source": "incident_ops" if (alert.subject.name or "").startswith(OWN_TROUBLE) else "",
    }
    return {
        **{key: value for key, value in labels.items() if value},
        **(labels_of_node(node) if node else {}),
        **labels_declared(alert.declared),
    }


def labels_of_trouble(nature: Nature, kind: AlertKind, check_severity: CheckSeverity) -> Mapping[str, str]:
    """The labels that change with what is heard of the same trouble later."""
    return {"nature": str(nature), "alert_kind": str(kind), "check_severity": str(check_severity)}


def labels_of_node(node: AssetNode) -> Mapping[str, str]:
    """The labels that the catalog gives: known at once, or added when the catalog knows the asset."""
    owner = node.owners[0] if node.owners else ""
    labels = {
        "owner": owner,
        "team": _team_of(owner),
        "group": node.group,
        "location": node.location,
        "kind": ",".join(node.kinds),
        "tier": node.tags.get(TIER_TAG, ""),
        "domain": node.tags.get(DOMAIN_TAG, ""),
        **{f"tag:{key}": value for key, value in node.tags.items()},
    }
    return {key: value for key, value in labels.items() if value}


def labels_declared(declared: Declared | None) -> Mapping[str, str]:
    """What a check says of itself, in place of what the catalog says of its asset. A person who is told instead of
    the owner has no team: it becomes empty, which is as good as missing."""
    if declared is None:
        return {}
    owner, tier = declared.owner, declared.tier
    return {
        **({"owner": owner, "team": _team_of(owner)} if owner else {}),
        **({"tier": tier, f"tag:{TIER_TAG}": tier} if tier else {}),
    }


def _team_of(owner: str) -> str:
    return owner.removeprefix("team:") if owner.startswith("team:") else ""
