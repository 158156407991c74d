"""What a check keeps on its evaluations for the next one, and which of them people accepted.

What such a document says is each check's own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import dagster as dg

from incident_ops.core.feedback import Feedback, Lesson
from incident_ops.detectors.scope import Scope

MOST_LOOKS = 200
"""Evaluations among which an accepted one is looked for."""
MOST_RECENT = 20
"""Evaluations among which the last document is looked for: one that could not look leaves none."""
_ACCEPTING = frozenset({Lesson.EXPECTED, Lesson.FALSE_POSITIVE})


def documents(scope: Scope, name: str, *, version: int, most: int = MOST_RECENT) -> list[Mapping[str, Any]]:
    """Those kept under `name` on the check's past evaluations, newest first; without those of another version.

    Args:
        most: evaluations that are looked through.
    """
    records = scope.instance.event_log_storage.get_asset_check_execution_history(
        scope.check_key,
        limit=most + 1,  # the first is this very one, which is only planned
    )
    evaluations = (r.evaluation for r in records if isinstance(r.evaluation, dg.AssetCheckEvaluation))
    found = (_document(evaluation.metadata.get(name)) for evaluation in evaluations)
    return [document for document in found if document is not None and document.get("version") == version]


def accepts_any(answers: Sequence[Feedback]) -> bool:
    return any(answer.lesson in _ACCEPTING for answer in answers)


def is_accepted(at: datetime, answers: Sequence[Feedback]) -> bool:
    """Whether people called what was found then `expected` (or `false_positive`). The newest answer counts."""
    speaking = [answer for answer in answers if answer.since <= at <= answer.until]
    return bool(speaking) and max(speaking, key=lambda answer: answer.order).lesson in _ACCEPTING


def _document(value: Any) -> Mapping[str, Any] | None:
    found = value.data if isinstance(value, dg.JsonMetadataValue) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None
