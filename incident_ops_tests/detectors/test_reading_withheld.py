"""What an error of a user's own source must not tell: passwords, in its text, its causes, or the lines of code."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from incident_ops.detectors.volume import build_volume_checks
from incident_ops_tests.detectors.runs import error_of, table_asset

SECRET = "hunter2pw"
URL = "postgres://bob:{}@db.test:5432/shop"


class WarehouseDown(Exception):
    pass


def url() -> str:
    return URL.format(SECRET)


def quotes_it() -> Any:
    raise ConnectionError(f"cannot reach {url()}")


def is_caused_by_it() -> Any:
    try:
        quotes_it()
    except ConnectionError as error:
        raise WarehouseDown("no answer") from error


def follows_it() -> Any:
    try:
        quotes_it()
    except ConnectionError:
        raise WarehouseDown("no answer")  # noqa: B904 - this is what many do


def has_it_in_its_code() -> Any:
    raise ConnectionError("cannot reach postgres://bob:hunter2pw@db.test:5432/shop")


class Opening:
    """A context manager that fails as it is entered."""

    def __enter__(self) -> Any:
        quotes_it()

    def __exit__(self, *_: object) -> None:
        pass


QUOTED = "cannot reach postgres://bob:[redacted]@db.test:5432/shop"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (quotes_it, f"ReadError: ConnectionError was raised while orders was read: {QUOTED}"),
        (is_caused_by_it, "WarehouseDown from ConnectionError was raised while orders was read: no answer"),
        (follows_it, "WarehouseDown from ConnectionError was raised while orders was read: no answer"),
        (has_it_in_its_code, f"ReadError: ConnectionError was raised while orders was read: {QUOTED} (in "),
        (Opening, f"ReadError: ConnectionError was raised while orders was read: {QUOTED}"),
    ],
)
def test_no_password_gets_into_the_log(instance: dg.DagsterInstance, source: Callable[[], Any], says: str) -> None:
    orders = table_asset()
    error = error_of(instance, [orders], build_volume_checks([orders], source=source))
    assert says in error
    logs = "".join(repr(instance.all_logs(run.run_id)) for run in instance.get_runs())
    assert says.partition(" (in ")[0] in logs
    assert SECRET not in logs


def test_an_error_without_a_password_stays_what_it_is(instance: dg.DagsterInstance) -> None:
    def source() -> Any:
        raise WarehouseDown("no answer of db.test:5432")

    orders = table_asset()
    error = error_of(instance, [orders], build_volume_checks([orders], source=source))
    assert error.startswith("WarehouseDown: ") and error.strip().endswith(
        "WarehouseDown: no answer of db.test:5432"
    )
