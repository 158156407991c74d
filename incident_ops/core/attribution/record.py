"""An attribution as it travels and is kept: a JSON document on a check's evaluation, a value with the alert.

The document is written by somebody else's process and may have been written by hand: its form is checked, and its
sentence is never believed but made anew from the slices. How the slices are found is `attribution`'s.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any, cast, get_args

from incident_ops.core.attribution.answer import Explanation, LeftOut, Measure, Unattributed, sentence, why_not
from incident_ops.core.attribution.cube import MISSING, MOST_CONDITIONS, Slice
from incident_ops.core.error_text import shorten
from incident_ops.core.pii import MASKED

ATTRIBUTION_METADATA = "incident_ops/attribution"
"""Where an evaluation carries the document."""
EXPLAINED_BY = "Explained by"
"""The fact of an alert that holds the sentence."""
WITHHELD = "a slice of a column tagged as PII, which is not told"
MOST_SLICES = 10
MOST_DIMENSIONS = 50
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What explains the failing rows, fit to be stored and shown.

    Attributes:
        slices: alternatives (of a change: causes), best first; empty when no single slice explains it.
        dimensions: what was looked at.
        withheld: how many slices were taken out because they name a column whose values must not be told.
        left_out: how many columns were not looked at, and why.
        failed: why it could not be found out; then there are no slices.
        measure: `rate` where rows fail, else what has changed.
    """

    slices: tuple[Slice, ...] = ()
    dimensions: tuple[str, ...] = ()
    withheld: int = 0
    left_out: Mapping[LeftOut, int] = field(default_factory=dict[LeftOut, int])
    failed: Unattributed | None = None
    measure: Measure = "rate"

    @property
    def sentence(self) -> str:
        """The answer in plain words."""
        if self.failed is not None:
            return why_not(self.failed)
        if self.withheld and not self.slices:
            return WITHHELD
        return sentence(self.slices, self.dimensions, measure=self.measure, left_out=self.left_out)

    def without(self, columns: Collection[str], *, clean: Callable[[str], str]) -> "Attribution":
        """What may be told: no slice and no dimension of `columns` (case does not matter), and no text that
        `clean` would change, which takes secrets and personal data out of texts."""
        hidden = {name.lower() for name in columns}

        def may_be_told(name: str) -> bool:
            return name.lower() not in hidden and clean(name) == name

        told = [found for found in self.slices if all(map(may_be_told, found.conditions))]
        return replace(
            self,
            slices=tuple(replace(found, conditions=_cleaned(found.conditions, clean)) for found in told),
            dimensions=tuple(shorten(name, LONGEST_TEXT) for name in self.dimensions if may_be_told(name)),
            withheld=self.withheld + len(self.slices) - len(told),
        )


def document_of(found: Explanation | Attribution) -> dict[str, Any]:
    """`{"sentence", "slices": [{"conditions", "explained", "share", "score"}], "dimensions", "withheld",
    "left_out": {reason: columns}, "failed", "measure"}`. Shares are 0 to 1, None where not known."""
    failed = found.failed if isinstance(found, Attribution) else None
    return {
        "sentence": found.sentence,
        "slices": [
            {
                "conditions": dict(item.conditions),
                "explained": _within(item.explained),
                "share": None if isnan(item.share) else _within(item.share),
                "score": _within(item.score),
            }
            for item in found.slices[:MOST_SLICES]
        ],
        "dimensions": list(found.dimensions),
        "withheld": found.withheld if isinstance(found, Attribution) else 0,
        "left_out": {reason.value: count for reason, count in found.left_out.items()},
        "failed": failed.value if failed else None,
        "measure": found.measure,
    }


def attribution_in(document: object) -> Attribution | None:
    """What `document_of` has written; None when the document is of any other form. Of earlier versions what they
    did not know yet is empty."""
    if not isinstance(document, Mapping):
        return None
    fields = cast("Mapping[object, object]", document)
    items, names, withheld = fields.get("slices"), fields.get("dimensions"), fields.get("withheld", 0)
    if not isinstance(items, list) or not isinstance(names, list) or not isinstance(withheld, int):
        return None
    read = [_text_in(name) for name in cast("list[object]", names)[:MOST_DIMENSIONS]]
    dimensions = tuple(name for name in read if name is not None)
    slices = [_slice_in(item, dimensions) for item in cast("list[object]", items)[:MOST_SLICES]]
    left_out, failed = _left_out_in(fields.get("left_out", {})), _failed_in(fields.get("failed"))
    measure = next((each for each in get_args(Measure) if each == fields.get("measure", "rate")), None)
    if None in read or None in slices or withheld < 0 or left_out is None or measure is None:
        return None
    return Attribution(
        slices=tuple(item for item in slices if item is not None),
        dimensions=dimensions,
        withheld=withheld,
        left_out=left_out,
        failed=failed,
        measure=measure,
    )


def _slice_in(item: object, dimensions: Sequence[str]) -> Slice | None:
    if not isinstance(item, Mapping):
        return None
    fields = cast("Mapping[object, object]", item)
    conditions = _conditions_in(fields.get("conditions"), dimensions)
    explained, score = _part_in(fields.get("explained")), _part_in(fields.get("score", 0))
    share = nan if fields.get("share") is None else _part_in(fields.get("share"))
    if conditions is None or explained is None or score is None or share is None:
        return None
    return Slice(conditions=conditions, explained=explained, score=score, share=share)


def _conditions_in(conditions: object, dimensions: Sequence[str]) -> dict[str, str] | None:
    """In the order of the dimensions: Dagster sorts the keys of what it keeps."""
    if not isinstance(conditions, Mapping):
        return None
    pairs = [(_text_in(k), _text_in(v)) for k, v in cast("Mapping[object, object]", conditions).items()]
    texts = {name: value for name, value in pairs if name is not None and value is not None}
    if not 0 < len(texts) == len(pairs) <= MOST_CONDITIONS:
        return None
    return {name: texts[name] for name in dict.fromkeys((*dimensions, *texts)) if name in texts}


def _left_out_in(counts: object) -> dict[LeftOut, int] | None:
    """A reason of a later version says nothing here."""
    if not isinstance(counts, Mapping):
        return None
    given = cast("Mapping[object, object]", counts)
    found = {reason: given.get(reason.value) for reason in LeftOut}
    return {
        reason: count
        for reason, count in found.items()
        if isinstance(count, int) and not isinstance(count, bool) and count > 0
    }


def _failed_in(reason: object) -> Unattributed | None:
    return Unattributed(reason) if reason in list(Unattributed) else None


def _part_in(number: object) -> float | None:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
        return None
    return float(number)


def _text_in(text: object) -> str | None:
    return " ".join(text.split()) if isinstance(text, str) else None


def _cleaned(conditions: Mapping[str, str], clean: Callable[[str], str]) -> dict[str, str]:
    """A value stands beside its column's name when it is looked at: `token = abc` is a secret, `abc` is not. It is
    cut only then, since half of a secret would not be known for one."""

    def cleaned(name: str, value: str) -> str:
        text = f"{name} = {value}"
        return shorten(value, LONGEST_TEXT) if value == MISSING or clean(text) == text else MASKED

    return {shorten(name, LONGEST_TEXT): cleaned(name, value) for name, value in conditions.items()}


def _within(part: float) -> float:
    """Rounding may leave a share a hair outside of 0 to 1."""
    return min(max(part, 0.0), 1.0)
