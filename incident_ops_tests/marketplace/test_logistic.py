"""The churn model's arithmetic, against answers known beforehand."""

import math

import numpy as np
import pytest

from incident_ops.marketplace.logistic import area_under_roc, fit


@pytest.mark.parametrize(
    ("scores", "labels", "area"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0.0),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
    ],
)
def test_the_area_counts_pairs_in_the_right_order(scores: list[float], labels: list[int], area: float) -> None:
    assert area_under_roc(np.array(scores), np.array(labels, dtype=float)) == pytest.approx(area)


def test_one_class_alone_has_no_area() -> None:
    assert math.isnan(area_under_roc(np.array([0.1, 0.2]), np.array([1.0, 1.0])))


def test_the_fit_finds_the_weights_that_made_the_data() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(20_000, 2))
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 + 2.0 * features[:, 0] - 1.0 * features[:, 1])))).astype(
        float
    )
    assert fit(features, labels).weights == pytest.approx([0.5, 2.0, -1.0], abs=0.1)


def test_a_constant_column_is_no_obstacle() -> None:
    model = fit(np.array([[1.0, 3.0], [2.0, 3.0], [3.0, 3.0], [4.0, 3.0]]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert np.isfinite(model.predict(np.array([[2.5, 3.0]]))).all()
