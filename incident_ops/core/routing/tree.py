"""The route tree: which branches an incident's labels reach. Semantics are Alertmanager's.

Depth first; among siblings the first that matches ends the search unless it says `continue`; where no child
matches the node itself is reached. Who stands behind a receiver's name is `owners`' and `destinations`' business,
whether anybody is pushed now `muting`'s.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from incident_ops.core.matching import Matcher, matches_all


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteNode:
    """One node, with the options that hold in it: what a branch leaves out it inherits from the one above, except
    `mute` and `active`, which are names of time intervals and its own.

    Attributes:
        path: its place in the file, such as `route.routes[1]`.
        group_by: labels; incidents that agree in them are told together. `root` stands for the incident itself.
        digest: it is not pushed, but listed in the owner's next digest.
    """

    path: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    continues: bool = False
    group_by: tuple[str, ...] = ("root",)
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    escalation_policy: str | None = None
    digest: Literal["daily", "weekly"] | None = None
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    routes: tuple["RouteNode", ...] = ()
    _index: "_Index" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _indexed(self.routes))

    def children_of_interest(self, labels: Mapping[str, str]) -> Sequence["RouteNode"]:
        """The children that these labels may match, in the order of the file: all others they do not match."""
        return [self.routes[place] for place in self._index.places(labels)]


def branches(root: RouteNode, labels: Mapping[str, str]) -> tuple[RouteNode, ...]:
    """The nodes that these labels reach, in the order of the file; never none, since the root matches all."""
    found: list[RouteNode] = []
    for child in root.children_of_interest(labels):
        if matches_all(child.matchers, labels):
            found.extend(branches(child, labels))
            if not child.continues:
                break
    return tuple(found) or (root,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """Where among the siblings to look: by the value of one label each, or, of those in `always`, whatever the
    labels are."""

    always: tuple[int, ...]
    by_label: Mapping[str, Mapping[str, Sequence[int]]]

    def places(self, labels: Mapping[str, str]) -> Sequence[int]:
        found = [*self.always]
        for label, places in self.by_label.items():
            found.extend(places.get(labels.get(label, ""), ()))
        found.sort()
        return found


def _indexed(routes: Sequence[RouteNode]) -> _Index:
    """Each sibling is filed under the label whose values it shares with the fewest others."""
    asked = [_asked(route.matchers) for route in routes]
    shared = Counter((label, word) for each in asked for label, words in each.items() for word in words)
    always: list[int] = []
    by_label: dict[str, dict[str, list[int]]] = {}
    for place, each in enumerate(asked):
        if not each:
            always.append(place)
            continue
        label = min(each, key=lambda label: sum(shared[label, word] for word in each[label]))
        for word in each[label]:
            by_label.setdefault(label, {}).setdefault(word, []).append(place)
    return _Index(always=tuple(always), by_label=by_label)


def _asked(matchers: Iterable[Matcher]) -> Mapping[str, frozenset[str]]:
    """Label → the only values with which it can match, where they are known."""
    asked: dict[str, frozenset[str]] = {}
    for matcher in matchers:
        if matcher.words is not None and not matcher.is_negated:
            asked[matcher.label] = asked.get(matcher.label, matcher.words) & matcher.words
    return asked
