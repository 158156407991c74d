"""What people's answers teach a detector."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_ops.core.feedback import (
    LEAST_WIDENING,
    MOST_WIDENING,
    Feedback,
    FeedbackError,
    Lesson,
    document_of,
    feedback_in,
    trained,
)
from incident_ops.core.metrics import Measured, Measurement

START = datetime(2026, 3, 1, tzinfo=UTC)
OUT, USUAL = 0.75, 0.1  # three times as far from the middle as the bound, and well within


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def measured(number: int, value: float, score: float = USUAL, metric: str = "row_count") -> Measurement:
    point = Measured(metric=metric, value=value, low=900, high=1100, score=score)
    return Measurement(at=day(number), evaluated_at=day(number) + timedelta(hours=1), points=(point,))


def said(lesson: Lesson, since: int, until: int) -> Feedback:
    return Feedback(check="volume", lesson=lesson, since=day(since), until=day(until))


WEEK = [measured(n, 1000 + n) for n in range(5)] + [measured(5, 3000, OUT), measured(6, 3010, OUT)]


def test_without_answers_the_history_is_what_was_measured() -> None:
    training = trained(WEEK, [], metric="row_count")
    assert [value for _, value in training.history] == [1000, 1001, 1002, 1003, 1004, 3000, 3010]
    assert (training.accepted_from, training.widen) == (None, 1.0)


@pytest.mark.parametrize("lesson", [Lesson.FIXED, Lesson.EVENT])
def test_what_was_wrong_or_exceptional_does_not_train(lesson: Lesson) -> None:
    training = trained(WEEK, [said(lesson, 4, 7)], metric="row_count")
    assert [value for _, value in training.history] == [1000, 1001, 1002, 1003, 1004]


def test_what_was_as_usual_during_the_incident_goes_on_training() -> None:
    training = trained(WEEK, [said(Lesson.FIXED, 0, 6)], metric="row_count")
    assert [value for _, value in training.history] == [1000, 1001, 1002, 1003, 1004, 3010]


def test_an_expected_change_begins_a_new_level_at_its_first_point() -> None:
    assert trained(WEEK, [said(Lesson.EXPECTED, 4, 7)], metric="row_count").accepted_from == day(5)


def test_an_answer_about_another_time_or_metric_teaches_nothing() -> None:
    untouched = trained(WEEK, [], metric="row_count")
    assert trained(WEEK, [said(Lesson.EXPECTED, 0, 4)], metric="row_count") == untouched
    assert trained(WEEK, [said(Lesson.EXPECTED, 0, 9)], metric="null_rate").accepted_from is None


def test_a_false_positive_moves_the_bound_beyond_what_was_called_out() -> None:
    assert trained(WEEK, [said(Lesson.FALSE_POSITIVE, 4, 7)], metric="row_count").widen == pytest.approx(3.3)


def test_a_false_positive_at_the_bound_still_widens() -> None:
    training = trained([measured(0, 1101, 0.5)], [said(Lesson.FALSE_POSITIVE, 0, 1)], metric="row_count")
    assert training.widen == LEAST_WIDENING


def test_no_number_of_false_positives_hides_an_empty_table() -> None:
    weeks = [measured(n, 3000, OUT) for n in range(5)]
    answers = [said(Lesson.FALSE_POSITIVE, n, n + 1) for n in range(5)]
    assert trained([*weeks, measured(7, 0, 1.0)], answers, metric="row_count").widen == MOST_WIDENING


def test_a_document_that_comes_twice_teaches_once() -> None:
    once = [said(Lesson.FALSE_POSITIVE, 4, 7)]
    assert trained(WEEK, once * 2, metric="row_count") == trained(WEEK, once, metric="row_count")


def test_a_second_false_positive_of_a_reopened_incident_widens_by_what_is_new() -> None:
    answers = [said(Lesson.FALSE_POSITIVE, 5, 6), said(Lesson.FALSE_POSITIVE, 5, 7)]
    weeks = [measured(5, 1300, 0.6), measured(6, 1300, 0.5)]
    first = trained(weeks, answers[:1], metric="row_count").widen
    assert first == pytest.approx(1.65)
    assert trained(weeks, answers, metric="row_count").widen == pytest.approx(first * LEAST_WIDENING)


@pytest.mark.parametrize("first", [Lesson.FIXED, Lesson.EXPECTED, Lesson.FALSE_POSITIVE, Lesson.EVENT])
@pytest.mark.parametrize("second", [Lesson.FIXED, Lesson.EXPECTED, Lesson.FALSE_POSITIVE])
def test_of_two_answers_on_the_same_points_the_newer_one_counts(first: Lesson, second: Lesson) -> None:
    """An incident that was resolved wrongly and fails again takes its lesson back when it is answered anew."""
    newer = said(second, 4, 8)
    assert trained(WEEK, [said(first, 4, 7), newer], metric="row_count") == trained(
        WEEK, [newer], metric="row_count"
    )


def test_a_document_survives_json() -> None:
    answer = said(Lesson.FALSE_POSITIVE, 1, 2)
    assert feedback_in(json.loads(json.dumps(document_of(answer)))) == answer


@pytest.mark.parametrize(
    ("change", "says"),
    [({"version": 9}, "version 9"), ({"lesson": "sure"}, "sure"), ({"since": None}, "misstates")],
)
def test_a_document_of_another_form_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(FeedbackError, match=says):
        feedback_in({**document_of(said(Lesson.FIXED, 0, 1)), **change})
