"""A recent change broke it: is the right one named first?

The target is set on 182 real reverts in public dbt projects, which are held out. Here the lineage is real and the
commits are drawn by us, so these figures only compare ways of ranking with each other, and claim nothing about the
real ones. Where people see an error of a change is read in five ways, each drawn apart: a way of ranking should be
better than the most recent change upstream in every one of them. Run with
`python -m incident_ops_tests.benchmarks.changes`.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log
from pathlib import Path
from random import Random

from incident_ops.core.lineage import AssetGraph
from incident_ops.core.rootcause.changes import Change, rank_changes
from incident_ops_tests.benchmarks.table import Row, data_folder, print_table, skipped
from incident_ops_tests.builders import T0

PROJECTS = ("tuva", "ol-data-platform")
CASES = 400  # per project and reading
WINDOW = 30 * 24.0  # hours before the symptom
PER_HOUR = (0.01, 0.03, 0.06, 0.1)  # commits: two to seventeen a week, in bursts
UNTIL_SEEN = (1.0, 3.0, 12.0)  # median hours from the bad commit to the symptom
SAME_AREA = 0.2  # of the commits work where the one before did
MENDED = 0.12  # the bad change is touched again before the symptom is told of
MOST_TOUCHED = 60
LARGEST_OF = (1, 3)  # whether large commits are likelier to be bad is not known to us: in half of the cases
SEED = 20_261_120


@dataclass(frozen=True)
class Project:
    graph: AssetGraph
    folder_of: Mapping[str, str]
    models_in: Mapping[str, list[str]]

    @property
    def models(self) -> list[str]:
        return sorted(self.folder_of)


@dataclass(frozen=True)
class Case:
    symptom: str
    changes: list[Change]
    culprit: str


Reading = Callable[[Project, Random, list[str]], str]


def where_it_was_made(_: Project, random: Random, touched: list[str]) -> str:
    return random.choice(touched)


def just_below(project: Project, random: Random, touched: list[str]) -> str:
    made = random.choice(touched)
    return random.choice(sorted(project.graph.children(made)) or [made])


def near_below(project: Project, random: Random, touched: list[str]) -> str:
    at = random.choice(touched)
    while (children := sorted(project.graph.children(at))) and random.random() < 0.5:
        at = random.choice(children)
    return at


def anywhere_below(project: Project, random: Random, touched: list[str]) -> str:
    return random.choice(sorted(_reached(project, touched)))


def at_the_end(project: Project, random: Random, touched: list[str]) -> str:
    return random.choice([key for key in sorted(_reached(project, touched)) if not project.graph.children(key)])


READINGS: tuple[Reading, ...] = (where_it_was_made, just_below, near_below, anywhere_below, at_the_end)


def results() -> list[Row]:
    """Share of cases with the culprit first, of those with two candidates or more: ours beside the baselines."""
    folder = data_folder("lineage_graphs")
    if folder is None:
        return [skipped("changes")]
    random = Random(SEED)
    projects = [_project(folder, name) for name in PROJECTS]
    rows: list[Row] = []
    for reading in READINGS:
        cases = [(p, _case(p, random, reading)) for p in projects for _ in range(CASES)]
        named = [(_ours(p, c), _newest_upstream(p, c), _newest(c), c.culprit) for p, c in cases]
        ours, upstream, newest = (
            sum(first[way] == first[3] for first in named if first[0] is not None)
            / len([f for f in named if f[0]])
            for way in range(3)
        )
        rows.append(
            Row(
                f"changes, seen {reading.__name__.replace('_', ' ')} (drawn by us)",
                f"{ours:.3f}",
                "above the baseline (.90 on the held-out reverts)",
                f"newest upstream {upstream:.3f}, newest of all {newest:.3f}",
                ours > upstream,
            )
        )
    return rows


def _ours(project: Project, case: Case) -> str | None:
    """None where there are less than two candidates."""
    ranked = rank_changes(case.symptom, T0, case.changes, project.graph)
    return ranked[0].id if len(ranked) > 1 else None


def _newest_upstream(project: Project, case: Case) -> str:
    above = {case.symptom, *project.graph.ancestors(case.symptom)}
    return max((change for change in case.changes if change.asset in above), key=lambda change: change.at).id


def _newest(case: Case) -> str:
    return max(case.changes, key=lambda change: change.at).id


def _case(project: Project, random: Random, reading: Reading) -> Case:
    rate, median = random.choice(PER_HOUR), random.choice(UNTIL_SEEN)
    area = random.choice(project.models)
    drawn = [_commit(project, random, area) for _ in range(random.choice(LARGEST_OF))]
    touched = max(drawn, key=len)
    seen_after = min(exp(random.gauss(log(median), 1.6)), WINDOW - 1)
    commits = [(seen_after, touched)]
    if random.random() < MENDED:
        commits.append((seen_after * random.random(), random.sample(touched, max(1, len(touched) // 2))))
    age = 0.0
    while (age := age + random.expovariate(rate * random.choice((0.45, 3, 3)))) < WINDOW:
        area = random.choice(project.models) if random.random() < 0.15 else area
        commits.append((age, _commit(project, random, area)))
    changes = [
        Change(asset=asset, at=T0 - timedelta(hours=age), id=str(number))
        for number, (age, assets) in enumerate(commits)
        for asset in assets
    ]
    return Case(symptom=reading(project, random, touched), changes=changes, culprit="0")


def _commit(project: Project, random: Random, area: str) -> list[str]:
    """Most commits touch one or two models, few very many: of one folder, beside each other, or anywhere."""
    first = area if random.random() < SAME_AREA else random.choice(project.models)
    size = min(int(random.paretovariate(1.5)), MOST_TOUCHED)
    kind = random.random()
    touched = [first]
    while len(touched) < size:
        pool = _pool(project, touched, kind)
        if not pool:
            break
        touched.append(random.choice(pool))
    return touched


def _pool(project: Project, touched: list[str], kind: float) -> list[str]:
    if kind < 0.5:
        pool = project.models_in[project.folder_of[touched[0]]]
    elif kind < 0.9:
        beside = (project.graph.parents(key) | project.graph.children(key) for key in touched)
        pool = sorted({key for keys in beside for key in keys} & project.folder_of.keys())
    else:
        pool = project.models
    return [key for key in pool if key not in touched]


def _reached(project: Project, touched: list[str]) -> set[str]:
    return {*touched, *(key for asset in touched for key in project.graph.descendants(asset))}


def _project(folder: Path, name: str) -> Project:
    with (folder / f"{name}.edges.csv").open(encoding="utf-8") as file:
        graph = AssetGraph.from_edges((row["upstream"], row["downstream"]) for row in csv.DictReader(file))
    with (folder / f"{name}.nodes.csv").open(encoding="utf-8") as file:
        models = [row for row in csv.DictReader(file) if row["kind"] == "model"]
    folder_of = {row["node"]: str(Path(row["path"]).parent) for row in models}
    models_in: defaultdict[str, list[str]] = defaultdict(list)
    for model, where in sorted(folder_of.items()):
        models_in[where].append(model)
    return Project(graph=graph, folder_of=folder_of, models_in=models_in)


if __name__ == "__main__":
    print_table(results())
