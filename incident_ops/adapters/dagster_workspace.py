"""The catalog from a workspace file, without a webserver: every code location is loaded here, in processes of its
own, asked in the webserver's words, and ended.

That takes seconds: a fallback for somebody who waits, never for a sensor. Dagster has no public API for it;
`WorkspaceProcessContext` and its registry of servers are what the webserver and the daemon use.
"""

import asyncio
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_representation.grpc_server_registry import GrpcServerRegistry
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.constants import GrpcServerCommand
from yaml import YAMLError

from incident_ops.adapters.dagster_definitions import COLUMN_SCHEMA, pii_columns_of
from incident_ops.adapters.dagster_queries import DagsterQueries, Details, first_line
from incident_ops.core.catalog import Catalog
from incident_ops.core.errors import SourceUnavailable

EVERY_ASSET = 1_000_000
HEARTBEAT_SECONDS = 45  # a server whose parent was killed ends after that


class WorkspaceFile(DagsterQueries):
    """Reads the code locations that `file` (a `workspace.yaml`) names, in one visit per `fetch`.

    Raises `SourceUnavailable` when the file cannot be used. A location that does not load is among `load_errors`.
    """

    source = "workspace file"

    def __init__(self, instance: dg.DagsterInstance, file: Path) -> None:
        super().__init__(details_at_once=EVERY_ASSET)
        self._instance, self._file = instance, file
        self._context: WorkspaceRequestContext | None = None
        self._broken: Mapping[str, str] | None = None

    def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
        with self._visiting():
            self._broken = super().load_errors()
            return super().fetch(now=now, known=known)

    def load_errors(self) -> dict[str, str]:
        """As they were at the last `fetch`."""
        if self._broken is None:
            with self._visiting():
                self._broken = super().load_errors()
        return dict(self._broken)

    @contextmanager
    def _visiting(self) -> Iterator[None]:
        with _quietly(), self._servers() as servers:
            target = WorkspaceFileTarget(paths=[str(self._file)])
            try:
                context = WorkspaceProcessContext(self._instance, target, grpc_server_registry=servers)
            except (dg.DagsterError, OSError, YAMLError) as error:
                raise self._unavailable(f"cannot be used: {first_line(str(error))}") from error
            with context:
                self._context = context.create_request_context()
                try:
                    yield
                finally:
                    self._context = None

    def _servers(self) -> GrpcServerRegistry:
        """Those of the workspace by default outlive it for a while; ours are gone when we are done."""
        return GrpcServerRegistry(
            instance_ref=self._instance.get_ref(),
            server_command=GrpcServerCommand.API_GRPC,
            heartbeat_ttl=HEARTBEAT_SECONDS,
            startup_timeout=self._instance.code_server_process_startup_timeout,
            log_level="CRITICAL",
            wait_for_processes_on_shutdown=True,
        )

    @cached_property
    def _schema(self) -> Any:
        # Takes seconds to import: only those pay who need it.
        from dagster_graphql.schema import create_schema

        return create_schema()

    def _details(self, keys: Sequence[str]) -> dict[str, Details]:
        """From the loaded definitions themselves: asked in GraphQL they take longer than all the rest."""
        assert self._context is not None
        graph = self._context.asset_graph
        nodes = {key: graph.get(dg.AssetKey(key.split("/"))) for key in keys}
        return {
            key: (
                tuple(sorted(check.name for check in node.check_keys)),
                pii_columns_of(node.metadata.get(COLUMN_SCHEMA)),
            )
            for key, node in nodes.items()
        }

    def _answer_to(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        asking = self._schema.execute_async(query, context_value=self._context, variable_values=dict(variables))
        result = asyncio.run(asking)
        if result.errors:
            raise self._unavailable(f"was read with an error: {first_line(str(result.errors[0]))}")
        return result.data or {}

    def _unavailable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(f"The workspace file {self._file} {why}.")


@contextmanager
def _quietly() -> Iterator[None]:
    """What the code servers and the users' code print goes to standard error: standard output is our caller's, who
    may be writing JSON. That a location does not load is among `load_errors` and needs no warning."""
    kept = os.dup(1)
    try:
        sys.stdout.flush()
        os.dup2(2, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
