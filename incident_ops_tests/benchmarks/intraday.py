"""Intraday detection measured: 29 real series of NAB, one setting for all, beside what people use today.

Run with `python -m incident_ops_tests.benchmarks.intraday`; takes a minute.
"""

import time
from collections.abc import Sequence

import numpy as np

from incident_ops.core.anomaly.intraday import judge_intraday, replay_intraday
from incident_ops_tests.benchmarks.intraday_baselines import BASELINES, scores_of
from incident_ops_tests.benchmarks.nab import Array, Labelled, best_f1, events, read, standard_score
from incident_ops_tests.benchmarks.table import Row, data_folder, print_table, skipped

ANOMALOUS = 0.5
CALLS = 200


def results() -> list[Row]:
    folder = data_folder("nab")
    if folder is None:
        return [skipped("intraday")]
    series = read(folder)
    ours = [np.array([judgement.score for judgement in replay_intraday(one.points)]) for one in series]
    return [*_ours(series, ours), *_by_group(series, ours), *_speed(series), *_baselines(series)]


def _ours(series: Sequence[Labelled], scores: Sequence[Array]) -> list[Row]:
    found = events(series, scores, ANOMALOUS)
    at_default, at_best = standard_score(series, scores, ANOMALOUS), standard_score(series, scores)
    counts = f"{found.found} of {found.windows} events, {found.right} of {found.alerts} alerts right"
    return [
        Row(
            f"intraday, {len(series)} series, F1 at the default",
            f"{found.f1:.3f} ({counts})",
            "≥ .50",
            "of all 58: context OSE .683, HTM .642, Random Cut Forest .483, Twitter .468",
            found.f1 >= 0.5,
        ),
        Row(
            f"intraday, {len(series)} series, NAB standard",
            f"{at_best:.1f} at the best threshold, {at_default:.1f} at the default",
            "≥ 55",
            "of all 58: ARTime 74.9, HTM 70.1, Random Cut Forest 51.7, Twitter 47.1",
            at_default >= 55,
        ),
    ]


def _by_group(series: Sequence[Labelled], scores: Sequence[Array]) -> list[Row]:
    rows: list[Row] = []
    for group in sorted({one.group for one in series}):
        chosen = [number for number, one in enumerate(series) if one.group == group]
        found = events([series[n] for n in chosen], [scores[n] for n in chosen], ANOMALOUS)
        counts = f"{found.found} of {found.windows} events, {found.right} of {found.alerts} alerts right"
        rows.append(Row(f"intraday, {len(chosen)} of {group}", counts, "", "", None))
    return rows


def _speed(series: Sequence[Labelled]) -> list[Row]:
    points = max((one.points for one in series), key=len)
    (at, value), history = points[-1], points[:-1]
    times: list[float] = []
    for _ in range(CALLS):
        start = time.perf_counter()
        judge_intraday(history, value, at=at)
        times.append((time.perf_counter() - start) * 1000)
    took = float(np.median(times))
    return [Row(f"intraday, a judgement by {len(points):,} points", f"{took:.2f} ms", "≤ .5 ms", "", took <= 0.5)]


def _baselines(series: Sequence[Labelled]) -> list[Row]:
    rows: list[Row] = []
    for name, (baseline, threshold, on_all) in BASELINES.items():
        scores = [scores_of(baseline, one.seconds, one.values) for one in series]
        usual = events(series, scores, threshold).f1
        best = max(usual, best_f1(series, scores))
        measured = f"F1 {usual:.3f} (at its best {best:.3f}), NAB {standard_score(series, scores):.1f} at its best"
        rows.append(Row(f"intraday, baseline {name}", measured, "", f"of all 58: {on_all}", None))
    return rows


if __name__ == "__main__":
    print_table(results())
