"""Along which columns the failing rows are looked at, when nobody said: those of few values that tell the most."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from incident_ops.core.attribution import AttributionError, LeftOut
from incident_ops.detectors.attribution.source import BAD, Source, key

MOST_DIMENSIONS = 8  # 92 group-bys of up to three; each further one makes the leaves smaller and more
MOST_DISTINCT = 1000  # a column with more values is an identifier or a measure, unless asked for
LEAST_ROWS = 2  # for each value, on average: with fewer it tells rows apart, and not parts of the table
SAMPLE = 100_000  # rows that values are counted in, and as many failing ones

FRACTIONAL = ("FLOAT", "DOUBLE")
"""Looked along where all numbers are whole, as data frames make of whole ones beside a null."""
GROUPED_TYPES = (
    "VARCHAR",
    "ENUM",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "DECIMAL",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "UUID",
    *FRACTIONAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Columns to look along, in the order of the table, and of the others how many were left out, and why."""

    dimensions: Sequence[str]
    left_out: Mapping[LeftOut, int]

    def narrowed(self, excess: Mapping[str, float]) -> "Choice":
        """To the `MOST_DIMENSIONS` of the largest excess."""
        telling = sorted(self.dimensions, key=lambda name: -excess[name])[:MOST_DIMENSIONS]
        fewer = len(self.dimensions) - len(telling)
        return Choice(
            dimensions=[name for name in self.dimensions if name in telling],
            left_out=Counter(self.left_out) + Counter({LeftOut.LESS_TELLING: fewer}),
        )


def checked(
    dimensions: Sequence[str], types: Mapping[str, str], *, about: Collection[str], hidden: Collection[str]
) -> Choice:
    """The columns that were asked for but those in `about`, each under its own name: case does not matter.

    Args:
        about, hidden: in lower case.

    Raises:
        AttributionError: no such column, one of `hidden`, one that is named twice, or no list.
    """
    if isinstance(dimensions, str):
        raise AttributionError(f"dimensions are a list of names, such as [{dimensions!r}]")
    known = {name.lower(): name for name in types}
    for name, times in Counter(name.lower() for name in dimensions).items():
        if name not in known:
            given = next(each for each in dimensions if each.lower() == name)
            raise AttributionError(f"there is no column {given!r}: there are {', '.join(types)}")
        if name in hidden:
            raise AttributionError(f"column {known[name]!r} is marked as PII and its values cannot be told")
        if times > 1:
            raise AttributionError(f"the dimension {known[name]!r} is given twice")
    asked = [name.lower() for name in dimensions]
    return Choice(dimensions=[known[name] for name in asked if name not in about], left_out={})


def chosen(source: Source, *, about: Collection[str], hidden: Collection[str]) -> Choice:
    """Of the columns `of_few_values` those of which one value has the most failing rows beyond its share of the
    table."""
    choice = of_few_values(source, about=about, hidden=hidden)
    if len(choice.dimensions) <= MOST_DIMENSIONS:
        return choice
    return choice.narrowed(_excess(source, choice.dimensions))


def of_few_values(source: Source, *, about: Collection[str], hidden: Collection[str]) -> Choice:
    """The columns that are neither in `about` nor in `hidden` and have few values.

    Args:
        about, hidden: in lower case.
    """
    names = [name for name in source.types if name.lower() not in about]
    open_to_all = [name for name in names if name.lower() not in hidden]
    comparable = [name for name in open_to_all if _base(source.types[name]) in GROUPED_TYPES]
    reasons = Counter({LeftOut.PERSONAL: len(names) - len(open_to_all)})
    reasons[LeftOut.TYPE] = len(open_to_all) - len(comparable)
    few: list[str] = []
    for name, (values, is_whole, rows) in _values_of(source, comparable).items():
        if not is_whole:
            reasons[LeftOut.TYPE] += 1
        elif values > min(MOST_DISTINCT, max(rows // LEAST_ROWS, 2)):
            reasons[LeftOut.MANY_VALUES] += 1
        elif values > 1 or rows == SAMPLE:  # a value of a few failing rows only may not be in the sample
            few.append(name)
    return Choice(dimensions=few, left_out={reason: count for reason, count in reasons.items() if count})


def _base(kind: str) -> str:
    """`DECIMAL` of `DECIMAL(18,3)`; of lists nothing that there is."""
    return kind if kind.endswith("]") else kind.split("(")[0]


def _values_of(source: Source, names: Sequence[str]) -> dict[str, tuple[int, bool, int]]:
    """Of each column about how many values it has in a sample, NULL being one; whether they are no fractions; and
    the rows of the sample."""
    if not names:
        return {}
    counts: list[str] = []
    for place, name in enumerate(names):
        column = key(place)
        counts.append(f"approx_count_distinct({column}) + (count(*) > count({column}))::INTEGER")
        is_whole = f"coalesce(bool_and({column} = trunc({column})), true)"
        counts.append(is_whole if _base(source.types[name]) in FRACTIONAL else "true")
    [(*found, rows)] = source.run(
        f"SELECT {', '.join(counts)}, count(*)"
        f" FROM (SELECT * FROM {source.marked(names)} USING SAMPLE {SAMPLE} ROWS)"
    )
    return {
        name: (values, is_whole, rows)
        for name, values, is_whole in zip(names, found[::2], found[1::2], strict=True)
    }


def _excess(source: Source, names: Sequence[str]) -> dict[str, float]:
    """Of each column the share of the failing rows that one of its values has, less the value's share of all rows:
    the most of any. By samples of both, which are off by half a hundredth."""
    counts = ", ".join(f"histogram(hash({key(place)}))" for place in range(len(names)))
    rows = source.marked(names)
    [(*failing, bad)], [(*all_rows, total)] = (
        source.run(
            f"SELECT {counts}, count(*) FROM (SELECT * FROM (SELECT * FROM {rows}{which})"
            f" USING SAMPLE {SAMPLE} ROWS)"
        )
        for which in (f" WHERE {BAD}", "")
    )
    if not bad:
        return dict.fromkeys(names, 0.0)
    return {
        name: max(count / bad - everywhere.get(value, 0) / total for value, count in of_failing.items())
        for name, of_failing, everywhere in zip(names, failing, all_rows, strict=True)
    }
