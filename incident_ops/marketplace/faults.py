"""Faults to break the marketplace with, by name, and the file that says which of them are active.

    python -m incident_ops.marketplace.faults list | inject NAME | heal [NAME]

The file lies beside the warehouse and is read by every ingestion step, so a fault may be injected and healed
while Dagster runs; it takes effect with the next refresh. A fault changes only what a source delivers, never
our code, as it would be in life.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from incident_ops.marketplace.home import Home, current_home
from incident_ops.marketplace.lock import exclusive
from incident_ops.marketplace.sources import AD_SPEND, ORDERS, PAYMENTS, SOURCES, SUPPORT_TICKETS, Source

LOCK_TIMEOUT = 10.0


class FaultError(Exception):
    """A mistake in naming or storing faults, told in one sentence."""


class UnknownFault(FaultError):
    def __init__(self, name: str) -> None:
        super().__init__(f"no fault is called {name!r}; there are: {', '.join(sorted(FAULTS))}")


class NothingDelivered(Exception):
    """The source was silent: no file came. Not an error of ours, and nothing to load."""


class SourceUnavailable(Exception):
    """The source answered with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`spoil(frame, until)` gives what the source delivers instead, or raises as the source would."""

    name: str
    source: Source
    about: str
    spoil: Callable[[pd.DataFrame, date], pd.DataFrame]


def _since(frame: pd.DataFrame, source: Source, day: date) -> NDArray[np.bool_]:
    return frame[source.day].to_numpy() >= np.datetime64(day)


def _null_prices(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    recent = _since(frame, ORDERS, until - timedelta(days=2))
    hit = recent & (frame["channel"] == "tiktok") & (frame["app_version"] == "7.2")
    return frame.assign(amount=frame["amount"].mask(hit))


def _dropped_rows(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    """Two rows of three are missing from the last two days."""
    lost = _since(frame, ORDERS, until - timedelta(days=1)) & (np.arange(len(frame)) % 3 != 0)
    return frame.loc[~lost].reset_index(drop=True)


def _duplicated_orders(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    return pd.concat([frame, frame.loc[_since(frame, ORDERS, until)].iloc[::4]], ignore_index=True)


def _broken_payments(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    raise SourceUnavailable("payment provider answered 503 Service Unavailable to the settlement export")


def _renamed_column(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    return frame.rename(columns={"spend": "amount_spent"})


def _new_channel(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    newest = frame.loc[_since(frame, AD_SPEND, until) & (frame["channel"] == "meta")]
    return pd.concat([frame, newest.assign(channel="threads")], ignore_index=True)


def _stale_export(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    return frame.loc[~_since(frame, AD_SPEND, until - timedelta(days=2))].reset_index(drop=True)


def _late(frame: pd.DataFrame, until: date) -> pd.DataFrame:
    raise NothingDelivered("the help desk has not delivered its nightly export")


def _fault(name: str, source: Source, about: str, spoil: Callable[[pd.DataFrame, date], pd.DataFrame]) -> Fault:
    return Fault(name=name, source=source, about=about, spoil=spoil)


FAULTS = {
    fault.name: fault
    for fault in (
        _fault("null_prices", ORDERS, "tiktok × app 7.2 orders lose their amount, last three days", _null_prices),
        _fault("dropped_rows", ORDERS, "two orders of three are missing, last two days", _dropped_rows),
        _fault(
            "duplicated_orders",
            ORDERS,
            "a quarter of the last day's orders is delivered twice",
            _duplicated_orders,
        ),
        _fault("broken_payments", PAYMENTS, "the payment provider answers with an error", _broken_payments),
        _fault("renamed_column", AD_SPEND, "`spend` is called `amount_spent` all of a sudden", _renamed_column),
        _fault("new_channel", AD_SPEND, "a channel that nobody has heard of appears", _new_channel),
        _fault("stale_export", AD_SPEND, "the export arrives, but its last three days are missing", _stale_export),
        _fault("late", SUPPORT_TICKETS, "the help desk's export does not arrive at all", _late),
    )
}


def spoilt(source: str, frame: pd.DataFrame, *, until: date, names: frozenset[str]) -> pd.DataFrame:
    """What `source` delivers instead of `frame` while the faults called `names` are active."""
    for fault in FAULTS.values():
        if fault.name in names and fault.source is SOURCES[source]:
            frame = fault.spoil(frame, until)
    return frame


def active(home: Home | None = None) -> frozenset[str]:
    """The names of the faults in force; none when there is no file."""
    path = (home or current_home()).faults
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return frozenset()
    try:
        names = frozenset(json.loads(text)["active"])
    except (ValueError, KeyError, TypeError) as error:
        raise FaultError(f'{path} is not of the form {{"active": ["name", …]}}; repair or delete it') from error
    for name in names:
        _known(name)
    return names


def inject(name: str, home: Home | None = None) -> frozenset[str]:
    """Activate one fault, beside those already active. Returns all that are active now."""
    _known(name)
    return _change(home, lambda names: names | {name})


def heal(name: str | None = None, home: Home | None = None) -> frozenset[str]:
    """Deactivate one fault, or all. Healing what is not active changes nothing."""
    if name is None:
        return _change(home, lambda names: frozenset())
    _known(name)
    return _change(home, lambda names: names - {name})


def _known(name: str) -> None:
    if name not in FAULTS:
        raise UnknownFault(name)


def _change(home: Home | None, step: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
    home = (home or current_home()).create()
    with exclusive(home.faults_lock, timeout=LOCK_TIMEOUT):
        names = step(active(home))
        _write(home.faults, json.dumps({"active": sorted(names)}, indent=2) + "\n")
    return names


def _write(path: Path, text: str) -> None:
    """All or nothing: an ingestion step may be reading."""
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _say_active(names: frozenset[str]) -> None:
    click.echo(f"active: {', '.join(sorted(names)) or 'none'}")


@click.group(help="Inject faults into the marketplace and heal them.")
def main() -> None: ...


@main.command("list", help="All faults; active ones are marked.")
def _list() -> None:
    names = _told(active)
    for fault in FAULTS.values():
        click.echo(f"{'*' if fault.name in names else ' '} {fault.name:18} {fault.source.name:16} {fault.about}")


@main.command("inject", help="Activate a fault; it shows with the next refresh.")
@click.argument("name")
def _inject(name: str) -> None:
    _say_active(_told(lambda: inject(name)))


@main.command("heal", help="Deactivate one fault, or all.")
@click.argument("name", required=False)
def _heal(name: str | None) -> None:
    _say_active(_told(lambda: heal(name)))


def _told(work: Callable[[], frozenset[str]]) -> frozenset[str]:
    try:
        return work()
    except FaultError as error:
        raise click.UsageError(str(error)) from error


if __name__ == "__main__":
    main()
