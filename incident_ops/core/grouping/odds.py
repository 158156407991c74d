"""How likely things are: the few numbers behind every decision of grouping, and what the alerts of one part of the
lineage (see `parts`) teach of them.

The model is a noisy-or network (Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, §4.3): an asset
breaks by itself, rarely, or takes a failure over from an asset that it is built from; one that has failed says
so, or is silent. Results hardly move when a number here is halved or doubled.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from math import log

from incident_ops.core.alert import AssetRef
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.known import Known

# A failure goes on along an edge. Some consumers read other columns, or filter the bad rows away.
PASSES_ON = 0.8
# The asset where it began says nothing: no check there sees it.
SILENT = 0.3
# Faults that are open at one time, in a team's estate; beyond a few thousand assets they grow with the estate.
FAULTS = 4
FAULTS_PER_ASSET = 0.001
# However small the graph, an asset fails by itself in at most a tenth of all storms.
MOST_FAULTS_PER_ASSET = 0.1
# A silent asset is accused when that is ten times as likely as that its children failed each by itself: "strong
# evidence" (Jeffreys, Theory of Probability, 3rd ed., appendix B). Three failing children of three suffice on
# any graph; two of two do where there are a hundred assets and more: there two strangers are seldom siblings.
ACCUSES_AT = 10.0
# Of the assets that took a failure over, half have no check that would see it. This guess counts a little more
# than one child of a failing asset; what the children show is added.
UNSEEN = 0.5
UNSEEN_COUNT = 1.25
# A failure is followed through so many quiet assets at most: a third joins more strangers than relatives.
MOST_QUIET_HOPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """What holds for these alerts on this graph.

    Attributes:
        own_fault: probability that an asset fails by itself in the time looked at.
        unseen: probability that an asset which took a failure over stays quiet.
    """

    own_fault: float
    unseen: float

    @property
    def quiet_hops(self) -> int:
        """Through how many quiet assets a failure is likelier to have come than to be one more fault."""
        by_itself = self.own_fault * (1 - SILENT)
        hops = 0
        while hops < MOST_QUIET_HOPS and PASSES_ON * (PASSES_ON * self.unseen) ** (hops + 1) > by_itself:
            hops += 1
        return hops

    def for_silent_parent(self, *, failing: int, quiet: int) -> float:
        """Log of how much likelier it is that one quiet parent broke `failing` children, and not `quiet` others,
        than that each of them failed by itself."""
        each_failing = log(PASSES_ON / (self.own_fault * (1 - SILENT)))
        each_quiet = log(1 - PASSES_ON + PASSES_ON * self.unseen)
        return log(self.own_fault * SILENT) + failing * each_failing + quiet * each_quiet


def watched(keys: Collection[str], failing: Collection[str], known: Known) -> set[str]:
    """Without the assets whose silence says nothing."""
    return {key for key in keys if key in failing or not known.is_unwatched(AssetRef(key=key))}


def odds_of(failing: Collection[str], kin: Kin, known: Known) -> Odds:
    """Odds for assets failing together; how well the estate is watched is learnt from them.

    Looked at are the children of assets that have visibly passed their failure on, but for those that are quiet
    because nothing looks at them. With `m` of them for parents a
    child is not reached with (1 - PASSES_ON)^m; what is quiet beyond that is unseen.
    """
    passed_on = {parent for key in failing for parent in kin.parents(key) if parent in failing}
    reached = {parent: watched(kin.children(parent), failing, known) for parent in passed_on}
    failing_parents = Counter(child for children in reached.values() for child in children)
    not_reached = sum((1 - PASSES_ON) ** parents for parents in failing_parents.values())
    quiet = len(failing_parents.keys() - set(failing))
    unseen = (quiet - not_reached + UNSEEN * UNSEEN_COUNT) / (len(failing_parents) - not_reached + UNSEEN_COUNT)
    rate = max(FAULTS / max(kin.size, 1), FAULTS_PER_ASSET)
    return Odds(own_fault=min(rate, MOST_FAULTS_PER_ASSET), unseen=max(unseen, 0.0))
