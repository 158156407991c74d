"""What came with the input is not held against the record that only passed it on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import copysign

from incident_ops.core.rootcause.signals import CHANGES, OUT_OF_BAND, Signal, SignalKind
from incident_ops.core.rootcause.upstream import Place


def signals_above(
    inputs: Mapping[Place, Sequence[Place]], signals: Mapping[Place, Sequence[Signal]]
) -> dict[Place, list[Signal]]:
    """Of each record, the signals on whatever it was built from. Records in a circle are above each other.

    Args:
        inputs: record → the records that it was built from.
        signals: record → what is odd about it.
    """
    readers: defaultdict[Place, list[Place]] = defaultdict(list)
    for reader, read in inputs.items():
        for place in read:
            readers[place].append(reader)
    above: defaultdict[Place, list[Signal]] = defaultdict(list)
    for place, own in signals.items():
        if own:
            for below in _all_below(place, readers):
                above[below].extend(own)
    return dict(above)


def _all_below(place: Place, readers: Mapping[Place, Sequence[Place]]) -> set[Place]:
    seen: set[Place] = set()
    waiting = [place]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader not in seen and reader != place:
                seen.add(reader)
                waiting.append(reader)
    return seen


def is_carried(signal: Signal, above: Iterable[Signal]) -> bool:
    """Did it come with the input? A change of code does not, nor does the loss of a worker; fewer rows do when
    there, in the logarithm, at least half as much is missing."""
    if signal.kind in CHANGES or signal.kind is SignalKind.INTERRUPTED:
        return False
    if signal.kind is SignalKind.VOLUME:
        return any(_is_the_same_move(signal, other) or other.kind is SignalKind.FAILED_CHECK for other in above)
    if signal.kind is SignalKind.SCHEMA:
        return any(other.kind is SignalKind.SCHEMA for other in above)
    return any(other.kind not in CHANGES and other.weight >= OUT_OF_BAND for other in above)


def _is_the_same_move(signal: Signal, other: Signal) -> bool:
    if other.kind is not SignalKind.VOLUME or copysign(1, signal.change) != copysign(1, other.change):
        return False
    return abs(other.change) * 2 >= abs(signal.change)
