"""Assets of the catalog and their changes ↔ JSON and rows. What has its default is left out."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from incident_ops.core.catalog import AssetNode
from incident_ops.core.catalog.history import Change, ChangeKind
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow

Document = dict[str, Any]


def node_document(node: AssetNode) -> Document:
    document: Document = {}
    for name, default in _DEFAULTS.items():
        value = getattr(node, name)
        if value != default:
            document[name] = _WRITE[name](value) if name in _WRITE else value
    return document


def node_from(document: Mapping[str, Any]) -> AssetNode:
    """Also from what an older version wrote; what a newer one added is left out."""
    known = {name: value for name, value in document.items() if name in _DEFAULTS}
    return AssetNode(**{name: _READ[name](value) if name in _READ else value for name, value in known.items()})


def change_values(change: Change) -> Document:
    return {"at": change.at, "asset": change.asset, "kind": change.kind, "text": change.text}


def change_from(row: Mapping[Any, Any]) -> Change:
    return Change(at=row["at"], asset=row["asset"], kind=ChangeKind(row["kind"]), text=row["text"])


def _terms_document(terms: FreshnessTerms) -> Document:
    match terms:
        case TimeWindow(fail_window=fail, warn_window=warn):
            return {"fail": fail.total_seconds(), "warn": warn.total_seconds() if warn is not None else None}
        case CronWindow(deadline_cron=cron, lower_bound_delta=delta, timezone=zone):
            return {"cron": cron, "delta": delta.total_seconds(), "zone": zone}


def _terms_from(document: Mapping[str, Any]) -> FreshnessTerms:
    if "cron" in document:
        delta = timedelta(seconds=document["delta"])
        return CronWindow(deadline_cron=document["cron"], lower_bound_delta=delta, timezone=document["zone"])
    warn = document["warn"]
    return TimeWindow(
        fail_window=timedelta(seconds=document["fail"]),
        warn_window=timedelta(seconds=warn) if warn is not None else None,
    )


_TUPLES = ("locations", "owners", "kinds", "upstream", "consumers", "checks", "pii_columns")
_WRITE: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TUPLES, list),
    "tags": dict,
    "freshness": _terms_document,
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TUPLES, tuple),
    "tags": MappingProxyType,
    "freshness": lambda document: _terms_from(document) if document else None,
}
_DEFAULTS: Mapping[str, Any] = {
    field.name: field.default_factory() if field.default_factory is not MISSING else field.default
    for field in fields(AssetNode)
}
