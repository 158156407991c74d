"""Which slices deviate from what was expected? A set of causes, for sums and counts.

Leaves of one cause move by the same ratio (the ripple effect of Squeeze, Li et al., ISSRE 2019), whatever their
size. So each leaf gives a relative deviation, weighed by the inverse of the noise of leaves of its size, and the
slice that one common deviation describes best is a cause. Its leaves are put aside and the search goes on until no
slice stands out: several causes, different ratios and both directions come out one by one.
"""

from dataclasses import dataclass

import numpy as np

from incident_ops.core.attribution.cube import Codes, Cuboid, Flags, Floats, Leaves, Slice, dot

PENALTY = 0.05  # of the score, for each condition, as for rates
FALSE_ALARM = 0.05  # a table of pure noise names a cause at most this often (union bound over all slices)
LEAST_NOISE = 0.01  # relative noise of one leaf; a forecast better than that is an accident
COMMON_NOISE = (
    0.01  # leaves of a slice are wrong together by that much: with many leaves 1 % would else "stand out"
)
MOST_CAUSES = 10
LEAVES_PER_SIZE = 50  # leaves that share one estimate of noise, at least
MOST_SIZES = 10
# What is known beforehand of the noise of counts, in leaves: without it a channel of four that is gone would stand
# out in 1 of 50 tables, with it in four of five, and a table names a cause where none is in 1 of 70 at most.
KNOWN_LEAVES = 10
QUARTILE = 0.3186  # of |x| for a standard normal x


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One cause: the group of a cuboid, its leaves that were still free, the squared error it takes away."""

    cuboid: Cuboid
    group: int
    members: Flags
    gain: float


def causes(leaves: Leaves, *, is_count: bool) -> list[Slice]:
    """The causes, strongest evidence first; empty when nothing stands out. They share no leaf.

    Args:
        is_count: `actual` are counts of independent rows, whose sampling noise (Poisson) is known beforehand.
    """
    actual, expected = leaves.measures["actual"], leaves.measures["expected"]
    size = np.maximum(np.abs(actual), np.abs(expected))
    cuboids = list(leaves.cuboids())
    if not cuboids or not size.any():
        return []
    deviation = np.clip(np.divide(actual - expected, size, out=np.zeros_like(size), where=size > 0), -1, 1)
    sampling = np.divide(1, size, out=np.zeros_like(size), where=(size > 0) & is_count)
    known = KNOWN_LEAVES if is_count else 0
    # First a guess at the noise that three quarters of deviating leaves cannot spoil, then the real scatter of the
    # leaves that no cause holds, which also feels heavy tails.
    classes = _size_classes(size, expected)
    noise = _robust_noise(deviation, classes)
    weight = np.where(size > 0, 1 / (np.maximum(noise, sampling) + LEAST_NOISE**2), 0)
    guess = _greedy(leaves, cuboids, weight, deviation, known)
    noise = np.maximum(noise, _noise_outside(deviation, classes, guess))
    weight = np.where(size > 0, 1 / (np.maximum(noise, sampling) + LEAST_NOISE**2), 0)
    return _slices(leaves, _greedy(leaves, cuboids, weight, deviation, known), dot(weight, deviation**2))


def _size_classes(size: Floats, expected: Floats) -> list[Codes]:
    """Indices of leaves of like size: relative noise falls with size. What was not expected at all is a class."""
    known = np.flatnonzero((size > 0) & (expected != 0))
    count = int(np.clip(len(known) // LEAVES_PER_SIZE, 1, MOST_SIZES))
    by_size = known[np.argsort(size[known], kind="stable")]
    classes = [*np.array_split(by_size, count), np.flatnonzero((size > 0) & (expected == 0))]
    return [members for members in classes if len(members)]


def _robust_noise(deviation: Floats, classes: list[Codes]) -> Floats:
    noise = np.zeros_like(deviation)
    for members in classes:
        spread = float(np.quantile(np.abs(deviation[members]), 0.25)) / QUARTILE
        noise[members] = min(1.0, spread) ** 2  # a deviation is 1 at most
    return noise


def _noise_outside(deviation: Floats, classes: list[Codes], found: list[Found]) -> Floats:
    free = np.ones(len(deviation), dtype=np.bool_)
    for cause in found:
        free &= ~cause.members
    noise = np.zeros_like(deviation)
    for members in classes:
        rest = members[free[members]]
        noise[members] = np.mean(deviation[rest] ** 2) if len(rest) else 0
    return noise


def _greedy(leaves: Leaves, cuboids: list[Cuboid], weight: Floats, deviation: Floats, known: int) -> list[Found]:
    nameable = [leaves.nameable(cuboid) for cuboid in cuboids]
    chance = 2 * np.log(sum(cuboid.size for cuboid in cuboids) / FALSE_ALARM)
    free, found = weight.copy(), list[Found]()
    while len(found) < MOST_CAUSES:
        gains = [
            np.where(fine, _gain(cuboid, free, deviation, chance, known), 0)
            for cuboid, fine in zip(cuboids, nameable, strict=True)
        ]
        best = int(np.argmax([gain.max() for gain in gains]))
        cuboid, group = cuboids[best], int(gains[best].argmax())
        if gains[best][group] <= 0:
            break
        members = (cuboid.group == group) & (free > 0)
        found.append(Found(cuboid=cuboid, group=group, members=members, gain=float(gains[best][group])))
        free[members] = 0
    return found


def _gain(cuboid: Cuboid, weight: Floats, deviation: Floats, chance: float, known: int) -> Floats:
    """Reduction of the weighted squared error by one common deviation; 0 where it does not stand out.

    It must stand out from zero and from the rest of the table: when all fell alike, no slice explains it.

    Args:
        known: as many leaves as what is known of the noise beforehand is worth.
    """
    inside, pull = cuboid.total(weight), cuboid.total(weight * deviation)
    outside = weight.sum() - inside
    own = np.divide(pull, inside, out=np.zeros_like(pull), where=inside > 0)
    rest = np.divide(dot(weight, deviation) - pull, outside, out=np.zeros_like(pull), where=outside > 1e-9)
    apart = np.where(own * (own - rest) > 0, np.minimum(np.abs(own), np.abs(own - rest)), 0)
    is_part = (inside > 0) & (outside > 1e-9)
    variance = 1 / np.where(is_part, inside, 1) + 1 / np.where(is_part, outside, 1) + COMMON_NOISE**2
    # The noise is itself estimated: with few leaves a large ratio is less surprising (likelihood ratio with an
    # unknown variance), with many, or where it is known, the formula is the plain square.
    count = max(int(np.count_nonzero(weight)) - 2, 1) + known
    surprise = count * np.log1p(apart**2 / variance / count)
    return np.where(is_part & (surprise > chance), apart**2 * inside * (1 - PENALTY * len(cuboid.dimensions)), 0)


def _slices(leaves: Leaves, found: list[Found], everything: float) -> list[Slice]:
    delta, expected = leaves.measures["actual"] - leaves.measures["expected"], np.abs(leaves.measures["expected"])
    moved = [abs(float(delta[cause.members].sum())) for cause in found]
    rest = abs(float(delta.sum()) - sum(float(delta[cause.members].sum()) for cause in found))
    return [
        Slice(
            conditions=leaves.conditions(cause.cuboid, cause.group),
            explained=amount / max(sum(moved) + rest, 1e-12),
            score=min(cause.gain / max(everything, 1e-12), 1.0),
            share=float(expected[cause.members].sum() / max(expected.sum(), 1e-12)),
        )
        for cause, amount in zip(found, moved, strict=True)
    ]
