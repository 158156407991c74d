"""The Numenta Anomaly Benchmark: its series, its standard score, and events found and missed.

Written from the description of the score in Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms,
the Numenta Anomaly Benchmark" (2015), and the rules of version 1.1 (github.com/numenta/NAB). No detector is here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from incident_ops.core.anomaly.judgement import Series

Array = npt.NDArray[np.float64]

FALSE_POSITIVE = 0.11  # of the application profile "standard"; a window found is worth 1, and missed −1
PROBATION, PROBATION_AT_MOST = 0.15, 750
ONE_ALERT = 3600.0  # seconds: alerts closer than that are one
AFTER = 3.0  # window lengths behind a window, from which on a false positive costs all


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A series with the stretches in which its events lie.

    Attributes:
        seconds, values: shape (n,), ascending.
        windows: first and last second of each.
        window: shape (n,), number of the window a point lies in, −1 for none.
        weight: shape (n,), what an alert at a point is worth: 1 at the start of a window, 0 at its end, negative
            behind it.
    """

    name: str
    seconds: Array
    values: Array
    windows: Sequence[tuple[float, float]]
    window: npt.NDArray[np.int64]
    weight: Array

    @property
    def group(self) -> str:
        return self.name.split("/")[0]

    @property
    def scored(self) -> slice:
        return slice(min(int(PROBATION * len(self.values)), PROBATION_AT_MOST), None)

    @property
    def points(self) -> Series:
        times = [datetime.fromtimestamp(second, UTC) for second in self.seconds]
        return list(zip(times, self.values.tolist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class Events:
    """What a detector found, over all series.

    Attributes:
        found: windows with an alert in them, of `windows`.
        right: alerts within a window, of `alerts`.
    """

    found: int
    windows: int
    right: int
    alerts: int

    @property
    def f1(self) -> float:
        if not self.found:
            return 0.0
        recall, precision = self.found / self.windows, self.right / self.alerts
        return 2 * recall * precision / (recall + precision)


def labelled(name: str, seconds: Array, values: Array, windows: Sequence[tuple[float, float]]) -> Labelled:
    """Weigh each point by where it lies to the windows."""
    window, weight, places = np.full(len(values), -1), np.full(len(values), -1.0), np.arange(len(values))
    bounds = [(np.searchsorted(seconds, a), np.searchsorted(seconds, b, "right") - 1) for a, b in windows]
    for first, last in bounds:
        behind = (places - last) / max(last - first, 1)
        weight = np.where(places > last, np.where(behind > AFTER, -1.0, _sigmoid(behind)), weight)
    for number, (first, last) in enumerate(bounds):
        inside = (places >= first) & (places <= last)
        before = (last - places + 1) / (last - first + 1)
        window, weight = (
            np.where(inside, number, window),
            np.where(inside, _sigmoid(-before) / _sigmoid(-1), weight),
        )
    return Labelled(
        name=name, seconds=seconds, values=values, windows=tuple(windows), window=window, weight=weight
    )


def read(folder: Path) -> list[Labelled]:
    """All series of a folder."""
    windows = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    rows = duckdb.execute(
        """SELECT series, list(epoch("timestamp"::TIMESTAMP) ORDER BY "timestamp"),
        list(value ORDER BY "timestamp") FROM read_parquet($file) GROUP BY series ORDER BY series""",
        {"file": str(folder / "series.parquet")},
    ).fetchall()
    return [
        labelled(name, np.array(seconds), np.array(values), [(_second(a), _second(b)) for a, b in windows[name]])
        for name, seconds, values in rows
    ]


def standard_score(series: Sequence[Labelled], scores: Sequence[Array], threshold: float | None = None) -> float:
    """NAB's score of the profile "standard": 100 for all windows found at their start and nothing else, 0 for no
    alert at all. Without a threshold the best one for all series together, as NAB has it."""
    all_scores = np.concatenate([s[one.scored] for one, s in zip(series, scores, strict=True)])
    weight = np.concatenate([one.weight[one.scored] for one in series])
    offsets = np.cumsum([0, *(len(one.windows) for one in series)])
    numbered = [
        np.where(one.window >= 0, one.window + offset, -1)[one.scored]
        for one, offset in zip(series, offsets[:-1], strict=True)
    ]
    window, total = np.concatenate(numbered), int(offsets[-1])
    order = np.argsort(-all_scores, kind="stable")
    gains = np.where(window < 0, FALSE_POSITIVE * weight, 0.0)[order]
    best = np.full(total, -1.0)
    for place in np.flatnonzero(window[order] >= 0):
        here, worth = window[order[place]], weight[order[place]]
        gains[place], best[here] = max(worth - best[here], 0.0), max(worth, best[here])
    raised = np.concatenate([[0.0], np.cumsum(gains)])
    ordered = all_scores[order]
    if threshold is not None:
        raw = raised[np.searchsorted(-ordered, -threshold, side="right")]
    else:
        is_last_of_its_score = np.append(np.append(True, ordered[1:] != ordered[:-1]), True)
        raw = raised[is_last_of_its_score].max()
    return 100 * float(raw) / (2 * total)


def events(series: Sequence[Labelled], scores: Sequence[Array], threshold: float) -> Events:
    """Alerts and windows at a threshold: alerts within an hour are one, which is right if a part of it is."""
    found = right = alerts = 0
    for one, score in zip(series, scores, strict=True):
        is_alert = score[one.scored] >= threshold
        seconds, window = one.seconds[one.scored][is_alert], one.window[one.scored][is_alert]
        number = np.cumsum(np.diff(seconds, prepend=-np.inf) > ONE_ALERT)
        found += len(set(window[window >= 0].tolist()))
        right += len(set(number[window >= 0].tolist()))
        alerts += len(set(number.tolist()))
    return Events(found=found, windows=sum(len(one.windows) for one in series), right=right, alerts=alerts)


def best_f1(series: Sequence[Labelled], scores: Sequence[Array]) -> float:
    """The F1 of the best of thirty thresholds, chosen on these very series: more than a user would have."""
    every = np.sort(np.concatenate([s[one.scored] for one, s in zip(series, scores, strict=True)]))[::-1]
    places = np.unique(np.geomspace(20, max(len(every) // 20, 21), 30).astype(int))
    return max(events(series, scores, threshold).f1 for threshold in every[places])


def _sigmoid(position: float | Array) -> Array:
    """1 far before the end of a window, 0 at its end, −1 far behind."""
    return 2 / (1 + np.exp(np.clip(5 * np.asarray(position, dtype=float), -50, 50))) - 1


def _second(time: str) -> float:
    return datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
