"""From settings to a working `Ops`: which store, which sinks, which rules. The sensors and the command line are
wired by the same function.

Dagster and `requests` are imported by the functions that need them: together they take 1.5 s, and a command that
only reads the store, such as `incident-ops list`, needs neither.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from incident_ops.adapters.sinks import kind_of_channels, sinks_of
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.config import (
    Settings,
    database_url_despite_errors,
    load_settings,
    settings_from_text,
)
from incident_ops.config.compiled import attention_rules_of, routing_rules_of, schedules_of
from incident_ops.core.catalog import Catalog
from incident_ops.core.errors import ConfigError
from incident_ops.core.expected_events import ExpectedEvent
from incident_ops.core.own import OWN_ASSETS
from incident_ops.core.status import Status
from incident_ops.engine.ops import Ops
from incident_ops.engine.policy import Policy, SeverityRule

if TYPE_CHECKING:
    import dagster as dg

DATABASE_FILE = "incident_ops.db"
WORKSPACE_FILE = "workspace.yaml"
SHOW_ANNOUNCED = timedelta(days=7)
"""How long the board lists what was announced."""
_LAST_GOOD = "last good configuration"

_stores: dict[str, SqlStore] = {}
_stores_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process was started in.

    Attributes:
        home: where the embedded database lies when none is configured.
    """

    environ: Mapping[str, str]
    cwd: Path
    home: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The settings that hold, the store they lead to, what is wrong with the configuration (or nothing), and the
    workspace file of the place, if it has one."""

    settings: Settings
    store: SqlStore
    problems: tuple[str, ...]
    workspace_file: Path | None = None


def surroundings_of(instance: "dg.DagsterInstance | None") -> Surroundings:
    """Of this process: `DAGSTER_HOME`, else the storage directory of `instance`, else of the `dagster.yaml` here
    (which is what `dagster dev` runs on without a home)."""
    cwd = Path.cwd()
    home = os.environ.get("DAGSTER_HOME")
    if not home and instance is None and (cwd / "dagster.yaml").is_file():
        import dagster as dg

        with dg.DagsterInstance.from_config(str(cwd)) as here:
            home = here.storage_directory()
    if not home and instance is not None:
        home = instance.storage_directory()
    return Surroundings(environ=os.environ, cwd=cwd, home=Path(home) if home else None)


def in_force(around: Surroundings, *, now: datetime) -> InForce:
    """The settings of the file, or, if it cannot be used, the last good ones, kept in our own database.

    Raises:
        StoreUnavailable: the database cannot be used.
        ConfigError: there is no place for a database.
    """
    try:
        settings = load_settings(around.environ, around.cwd)
    except ConfigError as error:
        store = shared_store(_database_url(_url_in_spite_of(error, around), around))
        kept = store.value(_LAST_GOOD) or ""
        settings = settings_from_text(kept, around.environ, file="the last good configuration")
        return InForce(
            settings=settings, store=store, problems=error.problems, workspace_file=_workspace_file(around)
        )
    store = shared_store(_database_url(settings.database_url, around))
    if store.value(_LAST_GOOD) != settings.text:
        store.set_value(_LAST_GOOD, settings.text, now=now)
    return InForce(settings=settings, store=store, problems=(), workspace_file=_workspace_file(around))


def _url_in_spite_of(error: ConfigError, around: Surroundings) -> str | None:
    try:
        return database_url_despite_errors(around.environ, around.cwd)
    except ConfigError:
        raise error from None


def shared_store(url: str) -> SqlStore:
    """One store per URL and process: opening costs a connection and a look at the migrations."""
    with _stores_lock:
        if url not in _stores:
            _stores[url] = open_store(url)
        return _stores[url]


def dispose_stores() -> None:
    """Close every shared store."""
    with _stores_lock:
        while _stores:
            _stores.popitem()[1].dispose()


def database_url(around: Surroundings) -> str:
    """The store's URL, whether or not a store is there, and whatever else is wrong with the configuration."""
    return _database_url(database_url_despite_errors(around.environ, around.cwd), around)


def _database_url(configured: str | None, around: Surroundings) -> str:
    if configured:
        return configured
    named = around.environ.get("DAGSTER_HOME")
    if named and not Path(named).is_dir():  # a typing mistake must not found a second, empty store
        raise ConfigError([f'DAGSTER_HOME names "{named}", which is not a directory; correct it or create it.'])
    if around.home is None:
        raise ConfigError(
            [
                "DAGSTER_HOME is not set, so there is no place for the incidents' database; "
                "set DAGSTER_HOME, or INCIDENT_OPS_DATABASE_URL."
            ]
        )
    return f"sqlite:///{(around.home / DATABASE_FILE).absolute()}"


def policy_of(settings: Settings, *, in_foreground: bool = False) -> Policy:
    """The configuration in the engine's words.

    Args:
        in_foreground: somebody waits for this one pass, and no other may follow: only a `group_wait` that the file
            gives is waited for.
    """
    config = settings.config
    if in_foreground and "group_wait" not in config.route.model_fields_set:
        at_once = config.route.model_copy(update={"group_wait": timedelta(0)})
        config = config.model_copy(update={"route": at_once})
    sink = kind_of_channels(settings)
    return Policy(
        version=hashlib.sha256(settings.text.encode()).hexdigest(),
        routing=routing_rules_of(config, sink=sink, default_channel=settings.slack_default_channel),
        environment=config.environment,
        attention=attention_rules_of(config),
        schedules=schedules_of(config),
        severity_rules=tuple(
            SeverityRule(
                matchers=rule.matchers,
                severity=rule.severity,
                text=", ".join(str(matcher) for matcher in rule.matchers) or "(matches everything)",
            )
            for rule in config.severity
        ),
        resolve_after=config.resolve_after,
        reopen_within=config.reopen_within,
        group_window=config.group_window,
        consumers=config.consumers,
        expected_events=tuple(
            ExpectedEvent(
                name=event.name,
                assets=event.assets,
                natures=frozenset(event.natures),
                begins=event.window[0],
                ends=event.window[1],
                up_to=event.up_to,
            )
            for event in config.expected_events
        ),
    )


def assemble(
    instance: "dg.DagsterInstance",
    around: Surroundings,
    *,
    now: datetime,
    repository: "dg.RepositoryDefinition | None" = None,
) -> Ops:
    """Everything a sensor's pass needs, on `instance`.

    Args:
        repository: that the sensor is part of.
    """
    from incident_ops.adapters.dagster_own_location import catalog_of

    held = in_force(around, now=now)
    ops = wire(instance, held, now=now, in_foreground=False)
    own_location = partial(catalog_of, repository) if repository is not None else Catalog
    return replace(ops, own_location=own_location, spare_workspace=None)


def wire(instance: "dg.DagsterInstance", held: InForce, *, now: datetime, in_foreground: bool = True) -> Ops:
    """Everything a pass in the foreground needs, where somebody waits for the code locations to be loaded."""
    from incident_ops.adapters.dagster_board import DagsterBoard
    from incident_ops.adapters.dagster_catalog import GraphQLCatalog
    from incident_ops.adapters.dagster_deadlines import cron_ticks
    from incident_ops.adapters.dagster_events import DagsterEvents
    from incident_ops.adapters.dagster_under_way import RunsUnderWay
    from incident_ops.adapters.dagster_workspace import WorkspaceFile

    store, settings = held.store, held.settings
    open_statuses = [status for status in Status if status.is_open]
    return Ops(
        store=store,
        source=DagsterEvents(
            instance,
            own_assets=OWN_ASSETS,
            lineage=lambda: store.catalog().upstream,
            declared_pii=lambda key: store.catalog().pii_columns(key),
        ),
        workspace=GraphQLCatalog(settings.dagster_url),
        spare_workspace=WorkspaceFile(instance, held.workspace_file) if held.workspace_file else None,
        board=DagsterBoard(
            instance,
            settings.dagster_url,
            open_incidents=lambda: store.incidents(statuses=open_statuses),
            announced=lambda: store.announced(since=now - SHOW_ANNOUNCED),
        ),
        policy=policy_of(settings, in_foreground=in_foreground),
        sinks=sinks_of(settings, store, now=now),
        ticks=cron_ticks,
        under_way=RunsUnderWay(instance),
        config_trouble=" ".join(held.problems),
    )


def _workspace_file(around: Surroundings) -> Path | None:
    """The `workspace.yaml` of `DAGSTER_HOME` or, as `dagster dev` has it, of the current directory."""
    home = around.environ.get("DAGSTER_HOME")
    folders = [Path(home)] if home else []
    files = [folder / WORKSPACE_FILE for folder in (*folders, around.cwd)]
    return next((file for file in files if file.is_file()), None)


def utc_now() -> datetime:
    return datetime.now(tz=UTC)
