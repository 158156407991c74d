"""Logistic regression and the area under its ROC curve, in numpy. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIDGE = 1.0
STEPS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticModel:
    """Weights over standardised features; the first one is the intercept."""

    weights: Floats
    mean: Floats
    scale: Floats

    def predict(self, features: Floats) -> Floats:
        """Probabilities, one per row."""
        return _sigmoid(_design((features - self.mean) / self.scale) @ self.weights)


def fit(features: Floats, labels: Floats) -> LogisticModel:
    """Newton's method with a ridge on all weights but the intercept (Hastie et al., ESL 2nd ed., §4.4.1)."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    design = _design((features - mean) / scale)
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        expected = _sigmoid(design @ weights)
        gradient = design.T @ (expected - labels) + penalty * weights
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return LogisticModel(weights=weights, mean=mean, scale=scale)


def area_under_roc(scores: Floats, labels: Floats) -> float:
    """Chance that a random positive outscores a random negative; ties count half. NaN with one class only."""
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if not positives or not negatives:
        return float("nan")
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    ranks = (last - (size - 1) / 2)[place]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _design(features: Floats) -> Floats:
    return np.column_stack([np.ones(len(features)), features])


def _sigmoid(value: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(value, -30, 30)))
