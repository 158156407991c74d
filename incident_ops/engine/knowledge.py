"""What decisions are founded on besides the events themselves: the catalog, the rules, and when we came."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from incident_ops.core.alert import Alert, AlertKind, AssetRef, CheckSeverity
from incident_ops.core.catalog import SLACK_TAG, AssetNode, Catalog
from incident_ops.core.declared import Declared, usable_runbook
from incident_ops.core.forecast.deadlines import Ticks
from incident_ops.core.forecast.under_way import RunsUnderWay, nothing_under_way
from incident_ops.core.incident import Incident
from incident_ops.core.labels import labels_declared, labels_of, labels_of_node, labels_of_trouble
from incident_ops.core.member import Member
from incident_ops.core.muting import Silence
from incident_ops.core.routing import Way, responders, ways
from incident_ops.core.severity import Assessment, assess
from incident_ops.engine.policy import Policy


def no_ticks(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Of those who know no calendar: there are no deadlines by cron then."""
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a decision is founded on besides the events themselves.

    Attributes:
        installed_at: when this installation first looked; what is much older is backlog.
        ticks: the moments of a cron schedule, for deadlines.
        under_way: the runs that are not over, for forecasts.
        silences: those that are in force now, or later.
        firing: number → labels of the incidents that were open when the pass began, where rules inhibit.
    """

    catalog: Catalog
    policy: Policy
    installed_at: datetime
    ticks: Ticks = no_ticks
    under_way: RunsUnderWay = nothing_under_way
    silences: tuple[Silence, ...] = ()
    firing: Mapping[int, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def catalog_with_consumers(self) -> Catalog:
        """With the consumers that the configuration names."""
        return self.catalog.with_consumers(self.policy.consumers)

    def owners_of(self, asset: str) -> tuple[str, ...]:
        node = self.catalog.node(asset)
        return node.owners if node else ()

    def informed_owners(self, incident: Incident) -> set[str]:
        """The owners who have the incident itself, with all that is in it."""
        assets = {incident.root.subject.asset, *(member.subject.asset for member in incident.members)}
        nodes = self._nodes_as_declared(assets, incident.members)
        return {owner for node in nodes for owner in node.owners}

    def node(self, alert: Alert) -> AssetNode | None:
        return self.catalog.get(alert.asset)

    def labels(self, alert: Alert, *, root: AssetRef | None = None) -> dict[str, str]:
        """Those of the alert; with a `root` elsewhere, whose asset and owner that is."""
        labels = dict(labels_of(alert, self.node(alert), environment=self.policy.environment))
        if root is None or root == alert.asset:
            return labels
        node = self.catalog.get(root)
        return {**labels, "asset": root.key, **(labels_of_node(node) if node else {})}

    def owner(self, asset: AssetRef | None, declared: Declared | None) -> str | None:
        """Whom the check names, else the asset's first owner."""
        node = self.catalog.get(asset)
        named = declared.owner if declared is not None else None
        return named or (node.owners[0] if node and node.owners else None)

    def runbook(self, asset: AssetRef | None, declared: Declared | None) -> str:
        """The check's, else the asset's."""
        node = self.catalog.get(asset)
        return (declared.runbook if declared is not None else "") or usable_runbook(node.runbook if node else "")

    def assess(self, alert: Alert) -> Assessment:
        return self._assess(alert.check_severity, alert.kind, self.node(alert), self.labels(alert))

    def assess_again(self, incident: Incident) -> Assessment:
        """By what the catalog has come to know of the incident's first member since it failed."""
        main = incident.members[0]
        return self._assess(
            main.check_severity, main.kind, self.catalog.get(main.subject.asset), dict(incident.labels)
        )

    def assess_members(self, members: Sequence[Member]) -> Assessment:
        """The worst that any of them amounts to by itself."""
        assessments = [self._assess_member(member) for member in members]
        return min(assessments, key=lambda assessment: assessment.severity.rank)

    def _assess_member(self, member: Member) -> Assessment:
        asset, node = member.subject.asset, self.catalog.get(member.subject.asset)
        labels = {
            "environment": self.policy.environment,
            **labels_of_trouble(member.nature, member.kind, member.check_severity),
            **({"asset": asset.key} if asset else {}),
            **({"check": member.subject.check} if member.subject.check else {}),
            **(labels_of_node(node) if node else {}),
            **labels_declared(member.declared),
        }
        return self._assess(member.check_severity, member.kind, node, labels)

    def _assess(
        self, check_severity: CheckSeverity, kind: AlertKind, node: AssetNode | None, labels: dict[str, str]
    ) -> Assessment:
        consumers = node.consumers if node else ()
        assessment = assess(check_severity=check_severity, kind=kind, tier=labels.get("tier"), consumers=consumers)
        return self.policy.graded(assessment, labels)

    def ways(self, incident: Incident) -> tuple[Way, ...]:
        """Where it goes: by the route tree, and `owner` to those of `_owning`."""
        if incident.merged_into is not None:
            return ()
        subject = incident.root.subject
        unowned = f"{subject.asset} has no known owner" if subject.asset else f"{subject} has no owner"
        return ways(
            incident.current_labels,
            self._owning(incident),
            self.policy.routing,
            number=incident.number,
            unowned=unowned,
        )

    def responders(self, incident: Incident) -> tuple[str, ...]:
        """Who of the owning teams answers for trouble of this nature."""
        return tuple(who for who, _ in responders(incident.nature, self._owning(incident), self.policy.routing))

    def _owning(self, incident: Incident) -> tuple[AssetNode, ...]:
        """The root and what failed by itself, with their owners. What fails downstream of the root is its effect;
        only when the root has kept silent are those told whose checks found it."""
        nearest = min(member.hops for member in incident.members)
        told = [m for m in incident.members if m.hops == nearest]
        assets = dict.fromkeys([incident.root.subject.asset, *(m.subject.asset for m in told)])
        return tuple(self._nodes_as_declared(assets, told))

    def _nodes_as_declared(
        self, assets: Iterable[AssetRef | None], members: Iterable[Member]
    ) -> Iterator[AssetNode]:
        """The assets, each with those whom the checks that failed on it name instead of its owners, and as it is
        if nothing failed on it or one of these checks names nobody."""
        named: defaultdict[AssetRef | None, set[str | None]] = defaultdict(set)
        for member in members:
            named[member.subject.asset].add(member.declared.owner if member.declared is not None else None)
        for asset in assets:
            node, owners = self.catalog.get(asset), named.get(asset, {None})
            if node is not None and None in owners:
                yield node
            if instead := sorted(owner for owner in owners if owner is not None):
                node = node or AssetNode(key=str(asset))
                tags = {name: value for name, value in node.tags.items() if name != SLACK_TAG}
                yield replace(node, owners=tuple(instead), tags=tags)
