"""What people's answers teach a detector."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_ops.core.anomaly import judge
from incident_ops.core.feedback import (
    LASTING,
    MARGIN,
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


def test_a_fault_that_nobody_has_answered_for_is_not_usual_on_its_second_day() -> None:
    assert [value for _, value in trained(WEEK, [], metric="row_count").usual] == [1000, 1001, 1002, 1003, 1004]


def test_what_was_out_five_times_in_a_row_is_a_level() -> None:
    lasting = WEEK + [measured(number, 3000, OUT) for number in (7, 8, 9)]
    assert [value for _, value in trained(lasting, [], metric="row_count").usual][-5:] == [
        3000,
        3010,
        3000,
        3000,
        3000,
    ]


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


def test_a_false_positive_at_the_bound_widens_by_the_margin() -> None:
    training = trained([measured(0, 1101, 0.5)], [said(Lesson.FALSE_POSITIVE, 0, 1)], metric="row_count")
    assert training.widen == pytest.approx(MARGIN)


def test_a_false_positive_does_not_count_twice_by_training_the_spread_as_well() -> None:
    training = trained(WEEK, [said(Lesson.FALSE_POSITIVE, 4, 7)], metric="row_count")
    assert [value for _, value in training.usual] == [1000, 1001, 1002, 1003, 1004]
    assert len(training.history) == 7, "though the days are in order"


def test_what_only_the_widening_lets_pass_does_not_train_until_it_lasts() -> None:
    answers = [said(Lesson.FALSE_POSITIVE, 0, 1)]
    called_out, passes = measured(0, 3000, OUT), [measured(2 + n, 2900, 0.45) for n in range(LASTING + 1)]
    within = measured(1, 1000, USUAL)
    some = trained([called_out, within, *passes[:LASTING]], answers, metric="row_count")
    assert [value for _, value in some.usual] == [1000]
    many = trained([called_out, within, *passes], answers, metric="row_count")
    assert [value for _, value in many.usual] == [1000] + [2900] * (LASTING + 1)


def test_an_empty_day_called_a_false_positive_trains_and_widens_nothing() -> None:
    """No width reaches nothing; widened by its distance the bounds would let pass everything else."""
    training = trained([measured(0, 0, 0.98)], [said(Lesson.FALSE_POSITIVE, 0, 1)], metric="row_count")
    assert (training.widen, [value for _, value in training.usual]) == (1.0, [0])


def test_one_answer_widens_no_further_than_to_four_times_the_usual_of_a_steady_table() -> None:
    training = trained([measured(0, 10**9, 0.999)], [said(Lesson.FALSE_POSITIVE, 0, 1)], metric="row_count")
    assert training.widen == MOST_WIDENING


def test_one_answer_on_many_points_widens_to_the_furthest_of_them() -> None:
    weeks = [measured(n, 3000, OUT) for n in range(4)] + [measured(4, 2000, 0.6)]
    assert trained(weeks, [said(Lesson.FALSE_POSITIVE, 0, 5)], metric="row_count").widen == pytest.approx(3.3)


def test_a_document_that_comes_twice_teaches_once() -> None:
    once = [said(Lesson.FALSE_POSITIVE, 4, 7)]
    assert trained(WEEK, once * 2, metric="row_count") == trained(WEEK, once, metric="row_count")


def test_a_second_false_positive_of_a_reopened_incident_widens_by_what_is_further_out() -> None:
    answers = [said(Lesson.FALSE_POSITIVE, 5, 6), said(Lesson.FALSE_POSITIVE, 5, 7)]
    weeks = [measured(5, 1300, 0.6), measured(6, 1400, 0.5)]
    first = trained(weeks, answers[:1], metric="row_count").widen
    assert first == pytest.approx(1.65)
    assert trained(weeks, answers, metric="row_count").widen == pytest.approx(first * MARGIN)
    less = [measured(5, 1300, 0.8), measured(6, 1400, 0.5)]
    assert trained(less, answers, metric="row_count").widen == pytest.approx(4.4 * MARGIN)


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


# ---- what is still out


class Latency:
    """A metric measured every ten minutes, in milliseconds: three days at 20 to 60, and what comes after."""

    def __init__(self) -> None:
        times = [START + timedelta(minutes=10 * number) for number in range(3 * 144)]
        values = [20.0 + 7 * number % 41 for number in range(len(times))]
        self.measurements = [
            Measurement(at=at, evaluated_at=at, points=(Measured(metric="latency", value=value),))
            for at, value in zip(times, values, strict=True)
        ]

    def then(self, values: Sequence[float], *answers: Feedback) -> list[bool]:
        """Whether each is anomalous, by all before it."""
        return [self._judged(value, answers) for value in values]

    @property
    def now(self) -> datetime:
        return self.measurements[-1].at

    def _judged(self, value: float, answers: Sequence[Feedback]) -> bool:
        training = trained(self.measurements, answers, metric="latency")
        at = self.now + timedelta(minutes=10)
        judgement = training.still_out(judge(training.usual, value, at=at), value, at=at)
        point = Measured(
            metric="latency", value=value, low=judgement.low, high=judgement.high, score=judgement.score
        )
        self.measurements.append(Measurement(at=at, evaluated_at=at, points=(point,)))
        return judgement.anomalous


def test_what_is_out_stays_out_until_it_is_back() -> None:
    latency = Latency()
    assert latency.then([40] + [200] * 60 + [40, 40]) == [False] + [True] * 60 + [False, False]


def test_what_comes_again_is_told_once() -> None:
    """Kept from training, it would be told of each time."""
    assert Latency().then([200, 20, 27, 34, 41, 48, 55, 200, 21]) == [True] + [False] * 8


def test_what_has_been_out_for_a_day_is_what_it_is() -> None:
    assert Latency().then([200] * 150) == [True] * 144 + [False] * 6


def test_what_people_have_answered_for_is_not_out_for_its_duration() -> None:
    latency = Latency()
    assert all(latency.then([200] * 10))
    expected = Feedback(check="latency", lesson=Lesson.EXPECTED, since=START, until=latency.now)
    assert not any(latency.then([200] * 10, expected))


def test_the_bounds_that_were_left_are_told_with_the_time() -> None:
    latency = Latency()
    latency.then([200] * 10)
    training = trained(latency.measurements, [], metric="latency")
    at = latency.now + timedelta(minutes=10)
    told = training.still_out(judge(training.usual, 200, at=at, unit="ms"), 200, at=at)
    assert told.reason == "200 ms, usually 20–200, but still beyond what it left at 00:00 UTC"
    assert (told.low, told.high, told.score) == (latency.measurements[-10].points[0].low, 62.8, 0.5)


def test_from_day_to_day_nothing_is_held() -> None:
    """There the level is learnt when it has lasted for days, which people have seen by then."""
    lasting = WEEK + [measured(number, 3000, OUT) for number in (7, 8, 9)]
    training = trained(lasting, [], metric="row_count")
    usual = judge([(day(-n), 3000.0) for n in range(1, 60)], 3000, at=day(10))
    assert training.still_out(usual, 3000, at=day(10)) == usual
