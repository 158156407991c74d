"""Which columns of an asset hold personal data, and which values of theirs an evaluation carries.

Columns are tagged in the `dagster/column_schema` metadata of a materialization, which the event log has for the
assets of every code location, or of the asset's definition, which the catalog knows. Public Dagster API only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from incident_ops.core.pii import ANY_COLUMN

PII_TAG = "pii"
COLUMN_SCHEMA = "dagster/column_schema"
_LOOK_BACK = 10
"""A materialization that was reported by hand may come without a schema: then the one before it speaks."""


class PiiColumns:
    """The columns tagged `pii`, asked once per asset: one object serves one pass.

    Args:
        declared: asset key (`a/b`) → the columns that its definition tags, whether it was ever built or not.
        unreadable: errors by which a stored event cannot be decoded; nothing is known of the columns then, and
            everything is masked.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *,
        declared: Callable[[str], Collection[str]] = lambda _: (),
        unreadable: tuple[type[Exception], ...] = (),
    ) -> None:
        self._instance = instance
        self._declared = declared
        self._unreadable = unreadable
        self._known: dict[dg.AssetKey, frozenset[str]] = {}

    def of(self, asset_key: dg.AssetKey) -> frozenset[str]:
        """Names of the asset's columns that are tagged, by its newest build or by its definition."""
        if asset_key not in self._known:
            self._known[asset_key] = self._read(asset_key) | set(self._declared("/".join(asset_key.path)))
        return self._known[asset_key]

    def of_all(self, keys: Iterable[str]) -> frozenset[str]:
        """The columns of several assets, given as `a/b`: an error text may quote any of them."""
        return frozenset(column for key in set(keys) for column in self.of(dg.AssetKey(key.split("/"))))

    def _read(self, asset_key: dg.AssetKey) -> frozenset[str]:
        try:
            records = self._instance.fetch_materializations(asset_key, limit=_LOOK_BACK).records
        except self._unreadable:
            return frozenset({ANY_COLUMN})
        for record in records:
            materialization = record.asset_materialization
            schema = materialization.metadata.get(COLUMN_SCHEMA) if materialization else None
            if isinstance(schema, dg.TableSchemaMetadataValue):
                return frozenset(c.name for c in schema.schema.columns if _is_tagged(c.tags))
        return frozenset()


def values_in(metadata: Mapping[str, dg.MetadataValue], columns: Collection[str]) -> frozenset[str]:
    """The values of `columns` that stand in `metadata`: in the rows of a table, in JSON at any depth, or under the
    column's own name. Texts of the evaluation tend to repeat them."""
    wanted = {column.lower() for column in columns}
    if not wanted:
        return frozenset()
    return frozenset(
        str(scalar)
        for name, value in metadata.items()
        for scalar in _under(wanted, {name: _plain(value)})
        if scalar is not None and not isinstance(scalar, bool)
    )


def _is_tagged(tags: Mapping[str, str] | None) -> bool:
    return any(tag.lower() == PII_TAG and str(value).lower() != "false" for tag, value in (tags or {}).items())


def _plain(value: dg.MetadataValue) -> Any:
    if isinstance(value, dg.TableMetadataValue):
        return [record.data for record in value.records]
    if isinstance(
        value, dg.JsonMetadataValue | dg.TextMetadataValue | dg.IntMetadataValue | dg.FloatMetadataValue
    ):
        return value.value
    return None


def _under(wanted: Collection[str], data: Any) -> Iterator[Any]:
    """The scalars of `data` that stand under a key in `wanted`."""
    ahead: list[tuple[Any, bool]] = [(data, False)]
    while ahead:
        item, is_wanted = ahead.pop()
        if isinstance(item, Mapping):
            ahead.extend((inner, is_wanted or str(key).lower() in wanted) for key, inner in item.items())
        elif isinstance(item, list | tuple):
            ahead.extend((inner, is_wanted) for inner in item)
        elif is_wanted:
            yield item
