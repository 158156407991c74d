"""Which slice do the failing rows come from? A ranking of alternatives, for `bad` of `total` rows.

Each leaf has a rise, its rate less its usual rate. A slice is good when one common rise inside it and none outside
describes all leaves well: its score is the share of the weighted squared rises that this accounts for. That
penalises a slice that is too wide (rows that did not rise dilute it) and one that is too narrow (risen rows are
left outside) by the same formula. The numbers below were chosen on half of 135 labelled real incidents, each from
a wide plateau; docs/adr/0006 has the figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from incident_ops.core.attribution.cube import Codes, Cuboid, Flags, Floats, Leaves, Slice, dot

# Leaves of one slice differ for reasons of their own: a leaf's rate varies as a beta-binomial with this
# correlation between its rows. So a leaf weighs at most 1 / .02 = 50 rows, however many it has: one big leaf
# cannot speak for a whole slice. And a leaf's history counts against 50 rows at the table's rate.
CORRELATION = 0.02
PENALTY = 0.05  # of the score, for each condition: of two slices with nearly the same rows the shorter is named
FALSE_ALARM = 0.02  # of tables whose failing rows lie at random at most this part names a slice
LEAST_ROWS = 3  # failing rows in a slice: one or two are an accident wherever they are
LEAST_EXPLAINED = 0.3  # less is one place of many; with .45 causes that come in twos are missed
LEAST_LIFT = 0.1  # a slice that explains less beyond its share of the table is no explanation
LISTED = 10
RIVALS = 60  # how far down the ranking a second cause is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What is known of each leaf, shape (leaves,) each."""

    bad: Floats
    total: Floats
    usual: Floats  # failing rows if nothing had happened
    uncertainty: Floats  # variance of `usual` that comes from a short history
    shifted: Floats  # failing rows if all rates had risen by the same amount
    scaled: Floats  # failing rows if all rates had risen by the same factor
    weight: Floats
    rise: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The slices of all cuboids in one row each; `cuboid` and `group` lead back to the leaves."""

    score: Floats
    bad: Floats
    explained: Floats
    share: Floats
    evidence: Floats
    cuboid: Codes
    group: Codes


def rank(leaves: Leaves) -> list[Slice]:
    """Slices that each explain the failing rows, best first; empty when the best does not stand out.

    "Stands out": more failing rows than chance puts into any slice, with the scatter of the other leaves as the
    measure of chance; at least `LEAST_ROWS` of them; at least `LEAST_EXPLAINED` of what went wrong; and more than
    its share of the table by `LEAST_LIFT`.
    """
    rates = _rates(leaves.measures)
    cuboids = list(leaves.cuboids())
    if not cuboids or rates.bad.sum() < LEAST_ROWS:
        return []
    found = _candidates(leaves, cuboids, rates)
    chance = _chance(found.share, len(cuboids))
    ranked = np.argsort(-found.score, kind="stable")
    told = ranked[((found.score > 0) & (found.evidence > chance) & _is_much(found))[ranked]]
    # When the best description of the table does not stand out, going down the list is fishing: with leaves that
    # merely vary a little more than chance it named a slice in a fifth of tables.
    if not len(told) or told[0] != ranked[0]:
        return []
    best = int(told[0])
    if found.evidence[best] / _scatter(rates, cuboids, found, best, ranked) <= chance[best]:
        return []
    return [_slice(leaves, cuboids, found, int(index)) for index in told[:LISTED]]


def _chance(share: Floats, cuboids: int) -> Floats:
    """What the evidence for a slice of that share must exceed, shape (slices,).

    With p the probability that chance puts so many failing rows there, the evidence is at most −2 ln p, however
    few they are (Hoeffding, "Probability inequalities for sums of bounded random variables", 1963, theorem 1; for
    draws without replacement section 6). Of `FALSE_ALARM` every cuboid gets an equal part, and of that each slice
    its share of the table (Bonferroni's inequality with weights). The shares of a cuboid add up to one whatever
    was folded into `OTHER`; to count the slices would be to forget those.
    """
    return 2 * np.log(cuboids / (FALSE_ALARM * share))


def _is_much(found: Candidates) -> Flags:
    """Which slices explain enough to be called an explanation."""
    lift = (found.explained - found.share) / np.maximum(1 - found.share, 1e-9)
    return (found.bad >= LEAST_ROWS) & (found.explained >= LEAST_EXPLAINED) & (lift > LEAST_LIFT)


def _rates(measures: Mapping[str, Floats]) -> Rates:
    bad, total = measures["bad"], measures["total"]
    bad_before, total_before = measures["bad_before"], measures["total_before"]
    everywhere = bad_before.sum() / max(total_before.sum(), 1.0)
    known = total_before + 1 / CORRELATION
    usual_rate = (bad_before + everywhere / CORRELATION) / known
    usual = total * usual_rate
    growth = bad.sum() / usual.sum() if usual.sum() else 1.0
    shifted = np.maximum(usual + total * (bad.sum() - usual.sum()) / total.sum(), 0) if total.sum() else usual
    shifted = shifted * (bad.sum() / max(shifted.sum(), 1e-9))
    rate = np.minimum(bad / np.maximum(total, 1), 1)
    return Rates(
        bad=bad,
        total=total,
        usual=usual,
        uncertainty=(total * growth) ** 2 * usual_rate / known,
        shifted=shifted,
        scaled=usual * growth if usual.sum() else shifted,
        weight=total / (1 + CORRELATION * np.maximum(total - 1, 0)),
        rise=np.where(total > 0, rate - usual_rate, 0),
    )


def _candidates(leaves: Leaves, cuboids: list[Cuboid], rates: Rates) -> Candidates:
    pieces = [_of_cuboid(leaves, cuboid, number, rates) for number, cuboid in enumerate(cuboids)]
    return Candidates(
        score=np.concatenate([piece[0] for piece in pieces]),
        bad=np.concatenate([piece[1] for piece in pieces]),
        explained=np.concatenate([piece[2] for piece in pieces]),
        share=np.concatenate([piece[3] for piece in pieces]),
        evidence=np.concatenate([piece[4] for piece in pieces]),
        cuboid=np.concatenate([piece[5] for piece in pieces]),
        group=np.concatenate([piece[6] for piece in pieces]),
    )


def _of_cuboid(
    leaves: Leaves, cuboid: Cuboid, number: int, rates: Rates
) -> tuple[Floats, Floats, Floats, Floats, Floats, Codes, Codes]:
    """The columns of `Candidates`, for those groups of a cuboid that are a part of the table and may be named."""
    total = cuboid.total(rates.total)
    kept = np.flatnonzero((total > 0) & (total < rates.total.sum()) & leaves.nameable(cuboid))

    def of(values: Floats) -> Floats:
        return cuboid.total(values)[kept]

    weight, pull, bad = of(rates.weight), of(rates.weight * rates.rise), of(rates.bad)
    # The rise must stand out from zero and from the rest of the table: when all rises, no slice explains it.
    rest = (dot(rates.weight, rates.rise) - pull) / np.maximum(rates.weight.sum() - weight, 1e-9)
    rise = np.minimum(pull / np.maximum(weight, 1e-9), pull / np.maximum(weight, 1e-9) - rest)
    # A slice's own rise is shrunk towards zero as if one more full leaf in it had not risen.
    fit = np.maximum(rise, 0) ** 2 * weight**2 / (weight + rates.weight.max())
    everything = max(dot(rates.weight, rates.rise**2), 1e-12)
    excess = float(np.maximum(rates.bad - rates.usual, 0).sum())
    scaled, all_bad = of(rates.scaled), float(rates.bad.sum())
    doubt = 1 + of(rates.uncertainty) / np.maximum(scaled, 1e-9)
    evidence = np.minimum(_surprise(bad, of(rates.shifted), all_bad), _surprise(bad, scaled, all_bad))
    return (
        fit / everything * (1 - PENALTY * len(cuboid.dimensions)),
        bad,
        np.clip((bad - of(rates.usual)) / max(excess, 1e-9), 0, 1),
        total[kept] / rates.total.sum(),
        evidence / doubt,
        np.full(len(kept), number),
        kept,
    )


def _surprise(bad: Floats, expected: Floats, all_bad: float) -> Floats:
    """Twice the log likelihood ratio of "these of all failing rows are here" against `expected`, where above it.

    Kulldorff's scan statistic ("A spatial scan statistic", 1997), which conditions on the number of failing rows.
    """

    def term(observed: Floats, wanted: Floats) -> Floats:
        return observed * np.log(np.maximum(observed, 1e-12) / np.maximum(wanted, 1e-12))

    ratio = 2 * (term(bad, expected) + term(all_bad - bad, np.maximum(all_bad - expected, 0)))
    return np.where(bad > expected, ratio, 0)


def _scatter(rates: Rates, cuboids: list[Cuboid], found: Candidates, best: int, ranked: Codes) -> float:
    """How much more the other leaves vary than chance would have it (Pearson's χ² per leaf, 1 at least).

    Outside the best slice and the next that is disjoint from it: two causes at once are common, and the second
    must not pass for noise.
    """
    members = _members(cuboids, found, best)
    others = (_members(cuboids, found, int(index)) for index in ranked[:RIVALS] if found.score[index] > 0)
    second = next((other for other in others if not (other & members).any()), np.zeros_like(members))
    outside = ~members & ~second & (rates.total > 0)
    return max(1.0, min(_chi_square(rates, outside, even) for even in (rates.shifted, rates.scaled)))


def _chi_square(rates: Rates, outside: Flags, even: Floats) -> float:
    bad, total = rates.bad[outside], rates.total[outside]
    expected = even[outside] * (bad.sum() / max(even[outside].sum(), 1e-9))
    chance = expected * (1 - np.minimum(expected / total, 0.99)) + rates.uncertainty[outside]
    told = expected > 0.5  # the statistic is meaningless on leaves where nothing is expected
    if told.sum() < 4:
        return 1.0
    ratio: Floats = (bad - expected)[told] ** 2 / chance[told]
    return float(ratio.mean())


def _members(cuboids: list[Cuboid], found: Candidates, index: int) -> Flags:
    return cuboids[int(found.cuboid[index])].group == found.group[index]


def _slice(leaves: Leaves, cuboids: list[Cuboid], found: Candidates, index: int) -> Slice:
    return Slice(
        conditions=leaves.conditions(cuboids[int(found.cuboid[index])], int(found.group[index])),
        explained=float(found.explained[index]),
        score=float(found.score[index]),
        share=float(found.share[index]),
    )
