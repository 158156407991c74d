"""One asset per source: what it delivers (spoilt by the active faults) is loaded whole into the raw table.

Full loads, because the sources are small and a repeated run then heals by itself. Not here: what is checked
about the tables (`checks.py`).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache

import dagster as dg

from incident_ops.marketplace import faults, warehouse
from incident_ops.marketplace.generate import History, generate
from incident_ops.marketplace.home import current_home
from incident_ops.marketplace.reporting_day import reporting_day
from incident_ops.marketplace.sources import SOURCES, Source

LOADED_DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=25))


def raw_key(source: Source) -> dg.AssetKey:
    return dg.AssetKey(["raw", source.name])


def build_ingestion() -> list[dg.AssetsDefinition]:
    return [_ingestion(source) for source in SOURCES.values()]


def promised_schema(source: Source) -> dg.TableSchema:
    return _schema(source, [(column.name, column.type) for column in source.columns])


def _schema(source: Source, actual: Iterable[tuple[str, str]]) -> dg.TableSchema:
    """The columns that are there, described and marked as far as the contract knows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=type_,
                description=known.about if (known := source.column(name)) else "Not in the contract.",
                tags={"pii": ""} if known and known.pii else {},
            )
            for name, type_ in actual
        ]
    )


def _ingestion(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(source),
        description=source.about,
        group_name=source.domain.name,
        owners=[source.domain.owner],
        tags=source.domain.tags(source.tier),
        kinds={"pandas", "duckdb"},
        metadata={"dagster/column_schema": promised_schema(source), **source.domain.people},
        code_version="1",
        freshness_policy=LOADED_DAILY,
        output_required=False,
    )
    def ingest(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        home, until = current_home().create(), reporting_day(context)
        delivery = _history(until).frame(source.name)
        try:
            delivery = faults.spoilt(source.name, delivery, until=until, names=faults.active(home))
        except faults.NothingDelivered as silence:
            context.log.warning(f"{source.name}: {silence}; the table stays as it was")
            return
        table = warehouse.load(home, source, delivery)
        # Dagster's own guess at a data version knows the code only: a changed table would be the same.
        yield dg.MaterializeResult(metadata=_facts(source, table), data_version=dg.DataVersion(table.fingerprint))

    return ingest


@lru_cache(maxsize=1)
def _history(until: date) -> History:
    """The steps of a run take one source each out of the same history. Nobody may write into its frames."""
    return generate(until=until)


def _facts(source: Source, table: warehouse.Table) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/row_count": dg.MetadataValue.int(table.rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(_schema(source, table.columns)),
        "newest_day": dg.MetadataValue.text(str(table.newest_day)),
    }
