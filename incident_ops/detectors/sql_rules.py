"""Rules in SQL: a query that returns the failing rows, dbt's way. How it is run is `queries`'."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack, cast

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.detectors.attributing import AttributionOptions
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import finding_of, require_tolerance
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.queries import failing_of, query_of
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.rules import RuleOptions
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, Target, targets_of
from incident_ops.detectors.together import listed, together

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

RULES_METADATA = "incident_ops/rules"
"""Of a definition: a mapping from the rule's name to its query or condition."""
NO_RULE = "no rule is declared"


@with_usable_options
def build_sql_checks(
    assets: Assets,
    sql: str | None = None,
    *,
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `sql` for each asset: that a query returns no rows.

    Without `sql` they are the rules that the definition declares: its metadata `incident_ops/rules`, a mapping
    from name to query or condition. One check runs them all, counts the rows of each, and names those that fail.
    What a build reports is not run. Where none is declared the check tells that the table can be read and has
    rows.

    The query returns the failing rows, as dbt's tests do, and `{table}` in it stands for the asset's rows: those
    of the partition, where the asset has partitions. It is run in the engine where the data is, in its own SQL,
    and may look at other tables there: `SELECT * FROM {table} WHERE id NOT IN (SELECT id FROM paid)`. A condition
    alone (`amount < 0`) is short for `SELECT * FROM {table} WHERE amount < 0`.

    It is run as it stands: never take it from outside.

    Where the query is no more than that (columns of `{table}`, and a WHERE), it is known of each row whether it
    fails, and on DuckDB the result says in which slice of the table the failing rows lie. The sample of failing
    rows shows columns that the table has, and those of `context_columns`. Where the table has columns tagged `pii`
    there is a sample for such a query only, with those columns masked; for any other there is none, since what it
    returns could be made of them.

    Args:
        sql: the query, or the condition.
        at_most: rows (an int), or a share of the table's (a float of 0 to 1), that each may return. Default: none.
        context_columns: what the sample of failing rows (ten) shows; by default the first columns of the table
            that the query returns. Columns tagged `pii` are masked. Of several rules the sample is of the first
            that fails.
        options: where the data is (`ReadOptions`), `dimensions` (`AttributionOptions`), and those of every check
            (`CheckOptions`). Two queries on one asset need two names: `name="no_negative_amounts"`.

    Raises:
        DetectorError: an empty query, one that does not speak of `{table}`, an option that cannot be used, or no
            assets.
    """
    require_tolerance(at_most)
    read = only(options, ReadOptions)
    return [
        check
        for target in targets_of(assets, among=options.get("among", ()))
        for check in _checks(
            target,
            _declared_rules(target) if sql is None else {"": query_of(sql)},
            read,
            at_most=at_most,
            context_columns=context_columns,
            dimensions=options.get("dimensions"),
            options=besides(options, ReadOptions, AttributionOptions),
        )
    ]


def _checks(
    target: Target,
    rules: Mapping[str, str],
    read: ReadOptions,
    *,
    at_most: float,
    context_columns: Sequence[str] | None,
    dimensions: Sequence[str] | None,
    options: CheckOptions,
) -> list[dg.AssetChecksDefinition]:
    """
    Args:
        rules: name → query; the one that was given has none.
    """

    def look(scope: Scope) -> Finding:
        with opened(scope, read) as data:
            if not rules:
                return _readable(data)
            failing = {name: failing_of(scope, data, query) for name, query in rules.items()}
            found = {
                name: finding_of(
                    scope,
                    data,
                    replace(rows, what=f"break the rule {name}") if name else rows,
                    at_most=at_most,
                    context_columns=context_columns,
                    dimensions=dimensions,
                )
                for name, rows in failing.items()
            }
        if "" in found:
            return found[""]
        holds = "the rule holds" if len(found) == 1 else f"all {len(found)} rules hold"
        return together(found, kind="rules", of=len(found), holds=f"{holds}: {listed(list(found))}")

    if "" in rules:
        description = "A query returns no failing rows"
    elif rules:
        description = f"The declared rules hold: {listed(list(rules))}"
    else:
        description = f"{NO_RULE}: that it can be read and has rows"
    return build_checks([target], look, nature=Nature.RULE, name="sql", description=description, options=options)


def _readable(data: "Data") -> Finding:
    """One row is enough to tell, and is never fetched."""
    first = data.table.limit(1)
    has_rows = bool(data.one(first.aggregate(rows=first.count()))["rows"])
    what = "it can be read and has rows" if has_rows else "it can be read and has no rows"
    return Finding(passed=has_rows, summary=f"{NO_RULE}: {what}")


def _declared_rules(target: Target) -> dict[str, str]:
    """
    Raises:
        DetectorError: they are no mapping from names to queries, or one of them cannot be run.
    """
    declared = target.metadata.get(RULES_METADATA)
    declared = declared.value if isinstance(declared, dg.MetadataValue) else declared
    if declared is None:
        return {}
    if not isinstance(declared, Mapping) or not all(
        isinstance(part, str) and part for rule in declared.items() for part in rule
    ):
        raise DetectorError(
            f"the metadata {RULES_METADATA} of {target.name} is a mapping from names to queries or conditions, "
            f'such as {{"no_negative_amounts": "amount < 0"}}, not {declared!r}'
        )
    rules = cast("Mapping[str, str]", declared)
    return {name: query_of(rule, f"the rule {name} of {target.name}") for name, rule in rules.items()}
