"""One asset's alerts of one time and kind of trouble: the unit that is grouped."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from incident_ops.core.alert import Alert, AssetRef
from incident_ops.core.grouping.natures import AVAILABILITY

# Two episodes are compared pair by pair: 256 questions to provenance at most.
MOST_KINDS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """Alerts on one asset that follow each other within the window, or the silence of an accused asset.

    Two episodes are never equal: an asset that fails in the morning and again at night has two, and so has one
    that is stale (not there in time) and wrong (there, and not as it should be).

    Attributes:
        alerts: in order of time; none for an asset that is accused and has not said anything.
        at: the first alert, or, for a silent asset, the first alert that it is accused of.
        until: the last one.
        in_lineage: the asset may have relatives; False for an alert about something that is no asset.
    """

    asset: AssetRef
    alerts: tuple[Alert, ...]
    at: datetime
    until: datetime
    in_lineage: bool = True

    @property
    def is_silent(self) -> bool:
        return not self.alerts

    @cached_property
    def order(self) -> tuple[datetime, str, bool, str]:
        """Sorts episodes the same way whatever the order in which their alerts arrived."""
        return self.at, self.asset.key, self.in_lineage, self.alerts[0].event_id if self.alerts else ""

    @cached_property
    def kinds(self) -> tuple[Alert, ...]:
        """The first alert of each nature and materialization, earliest first and not too many: what there is to
        ask about the episode, though eighty checks or a thousand partitions failed."""
        first = {(alert.nature, alert.materialization): alert for alert in reversed(self.alerts)}
        return tuple(reversed(first.values()))[:MOST_KINDS]

    def gap(self, other: "Episode") -> timedelta:
        """Time between the two, zero where they overlap."""
        return max(self.at - other.until, other.at - self.until, timedelta(0))


def episodes_of(alerts: Iterable[Alert], *, window: timedelta) -> list[Episode]:
    """All episodes, in order. An alert without an asset stands for what its sender calls it."""
    places: defaultdict[tuple[AssetRef, bool, bool], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.asset is None:
            places[AssetRef(key=str(alert.subject)), False, False].append(alert)
        else:
            places[alert.asset, True, alert.nature in AVAILABILITY].append(alert)
    found: list[Episode] = []
    for (asset, in_lineage, _), of_place in places.items():
        run: list[Alert] = []
        for alert in sorted(of_place, key=lambda a: (a.occurred_at, a.event_id)):
            if run and alert.occurred_at - run[-1].occurred_at > window:
                found.append(_episode(asset, run, in_lineage))
                run = []
            run.append(alert)
        found.append(_episode(asset, run, in_lineage))
    return sorted(found, key=lambda episode: episode.order)


def _episode(asset: AssetRef, run: list[Alert], in_lineage: bool) -> Episode:
    at, until = run[0].occurred_at, run[-1].occurred_at
    return Episode(asset=asset, alerts=tuple(run), at=at, until=until, in_lineage=in_lineage)
