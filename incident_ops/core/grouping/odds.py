"""How likely things are: the few numbers behind every decision of grouping, and what the alerts teach of them.

The model is a noisy-or network (Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, §4.3): an asset
breaks by itself, rarely, or takes a failure over from an asset that it is built from; one that has failed says
so, or is silent. Results hardly move when a number here is halved or doubled.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import log

from incident_ops.core.grouping.kin import Kin

# A failure goes on along an edge. Some consumers read other columns, or filter the bad rows away.
PASSES_ON = 0.8
# The asset where it began says nothing: no check there sees it.
SILENT = 0.3
# Faults that are open at one time, in a team's estate; beyond a few thousand assets they grow with the estate.
FAULTS = 4
FAULTS_PER_ASSET = 0.001
# However small the graph, an asset fails by itself in at most a fifth of all storms.
MOST_FAULTS_PER_ASSET = 0.2
# A silent asset is accused when that is ten times as likely as that its children failed each by itself: "strong
# evidence" (Jeffreys, Theory of Probability, 3rd ed., appendix B). Three failing children of three suffice on
# any graph; two of two do where there are a hundred assets and more: there two strangers are seldom siblings.
ACCUSES_AT = 10.0
# Before anything is seen: most assets have no check, so most children of a failing asset stay quiet. Counted as
# so many children.
QUIET_CHILDREN = 0.8
QUIET_CHILDREN_COUNT = 4
# A failure is followed through so many quiet assets at most. One more joins more strangers than relatives.
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


def odds_of(failing: Collection[str], kin: Kin) -> Odds:
    """Odds for assets failing together; how well the estate is watched is learnt from them.

    A well-watched estate shows: of the children of an asset that has passed its failure on, about
    `PASSES_ON` fail too. More quiet ones than that are not looked at.
    """
    passed_on = {parent for key in failing for parent in kin.parents(key) if parent in failing}
    children = quiet = 0
    for key in passed_on:
        of_key = kin.children(key)
        children += len(of_key)
        quiet += len(of_key) - len(of_key & set(failing))
    share = (quiet + QUIET_CHILDREN * QUIET_CHILDREN_COUNT) / (children + QUIET_CHILDREN_COUNT)
    rate = max(FAULTS / max(kin.size, 1), FAULTS_PER_ASSET)
    return Odds(
        own_fault=min(rate, MOST_FAULTS_PER_ASSET),
        unseen=max(0.0, (share - (1 - PASSES_ON)) / PASSES_ON),
    )
