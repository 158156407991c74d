"""Who may import whom, read off the source: every violation is named with its file and line."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import incident_ops

ROOT = Path(incident_ops.__file__).parent
PACKAGE = "incident_ops"


@dataclass(frozen=True)
class Import:
    """One imported module. `is_late`: inside a function or for type checkers only, so it can make no circle."""

    file: str
    line: int
    module: str
    is_late: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def _sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path


MODULES = {
    f"{PACKAGE}.{name.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}" for name, _ in _sources()
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in _sources()}


def _imports_of(file: str, tree: ast.Module) -> Iterator[Import]:
    early = {id(node) for node in _at_import(tree)}
    for node in ast.walk(tree):
        is_late = id(node) not in early
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, is_late)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield Import(file, node.lineno, inner if inner in MODULES else node.module or "", is_late)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        if not is_for_types and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


IMPORTS = [found for file, tree in TREES.items() for found in _imports_of(file, tree)]

# The floor of a file → what it may import: modules of ours by prefix, of others by name. The first row that fits
# counts. The standard library is open to all.
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "core/": ("core", "numpy", "rustworkx"),
    "engine/": ("core", "engine"),
    "config/": ("core", "config", "pydantic", "pydantic_core", "yaml"),
    "adapters/wiring.py": ("core", "engine", "config", "adapters", "dagster"),  # puts all together
    "adapters/sinks.py": ("core", "engine", "config", "adapters"),
    "adapters/template_sandbox.py": ("config", "adapters", "jinja2"),
    "adapters/notify/http": ("core", "adapters", "requests", "urllib3"),
    "adapters/notify/slack/resource.py": ("core", "adapters", "dagster_slack", "slack_sdk", "pydantic"),
    "adapters/notify/slack": ("core", "engine.ports", "config", "adapters", "slack_sdk"),
    "adapters/notify/pager_duty.py": ("core", "engine.ports", "adapters", "pagerduty", "httpx2"),
    "adapters/notify/apprise.py": ("core", "engine.ports", "adapters", "apprise"),
    "adapters/notify/sentry.py": ("core", "engine.ports", "adapters", "sentry_sdk"),
    "adapters/dagster_workspace.py": (
        "core", "engine.ports", "config", "adapters", "dagster", "dagster_graphql", "yaml",
    ),
    "adapters/dagster_catalog.py": ("core", "engine.ports", "config", "adapters", "requests"),
    "adapters/dagster_log.py": ("core", "adapters", "dagster", "dagster_shared", "sqlalchemy"),
    "adapters/dagster_board.py": ("core", "engine.ports", "config", "adapters", "dagster", "sqlalchemy"),
    "adapters/dagster": ("core", "engine.ports", "config", "adapters", "dagster"),
    "adapters/store/": ("core", "engine.ports", "config", "adapters.store", "sqlalchemy", "alembic"),
    "adapters/": ("core", "engine.ports", "config", "adapters"),
    "detectors/": ("core", "detectors", "dagster", "duckdb", "pandas", "ibis", "numpy", "psycopg", "sqlglot"),
    "defs/": ("core", "engine", "adapters", "config", "detectors", "defs", "dagster"),
    "web/server.py": ("core", "starlette", "uvicorn"),
    "web/": ("core", "engine", "adapters", "config", "web", "starlette", "jinja2"),
    "marketplace/": (
        "marketplace", "detectors", "dagster", "dagster_dbt", "duckdb", "pandas", "numpy", "packaging", "click",
    ),
    "definitions.py": ("core", "engine", "adapters", "config", "detectors", "defs", "dagster"),
    "terminal": ("core", "engine.ports", "terminal", "terminal_lineage", "rich"),
    "cli/": (
        "cli", "terminal", "terminal_story", "terminal_detectors", "terminal_routes", "terminal_simulation",
        "core", "engine", "adapters", "config", "detectors", "demo", "web", "dagster", "click", "yaml",
    ),
    "demo.py": (
        "core", "engine", "adapters", "config", "marketplace", "dagster", "dagster_dbt", "duckdb", "click",
        "requests", "rich",
    ),
}  # fmt: skip


def _floor(file: str) -> tuple[str, ...] | None:
    return next((allowed for prefix, allowed in ALLOWED.items() if file.startswith(prefix)), None)


def _may(found: Import) -> bool:
    if found.top in sys.stdlib_module_names:
        return True
    allowed = _floor(found.file) or ()
    name = found.module.removeprefix(f"{PACKAGE}.") if found.top == PACKAGE else found.top
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def test_every_file_belongs_to_a_floor() -> None:
    """A file that no row covers would be free of all rules."""
    assert [file for file in TREES if file != "__init__.py" and _floor(file) is None] == []


def test_nobody_imports_what_its_floor_may_not() -> None:
    assert [str(found) for found in IMPORTS if not _may(found)] == []


PRIVATE = {"adapters/dagster_log.py", "adapters/dagster_deadlines.py", "adapters/dagster_workspace.py"}


def test_dagsters_private_parts_are_touched_in_few_files_only() -> None:
    """They change without notice: these are the places to look at when Dagster is upgraded."""
    private = [i for i in IMPORTS if i.module.startswith(("dagster._", "dagster_shared"))]
    assert [str(i) for i in private if i.file not in PRIVATE] == []
    assert {i.file for i in private} == PRIVATE, "or this test looks for the wrong names"


def test_nothing_imports_in_circles() -> None:
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        importer = f"{PACKAGE}.{found.file.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
        if found.module in MODULES and not found.is_late and found.module != importer:
            edges[importer].add(found.module)
    assert _circle(edges) == []


def _circle(edges: Mapping[str, set[str]]) -> list[str]:
    """The modules of some circle in order, or nothing."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module not in done:
            for imported in sorted(edges[module]):
                if circle := visit(imported, [*path, module]):
                    return circle
            done.add(module)
        return []

    return next((circle for module in sorted(edges) if (circle := visit(module, []))), [])


def test_a_circle_would_be_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# ---- core is pure

IO_MODULES = {
    "asyncio", "logging", "os", "pathlib", "random", "requests", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
IO_CALLS = {"open", "print", "input", "eval", "exec", "breakpoint", "__import__"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "getenv", "uuid1", "uuid4"}


def _impurities(file: str, tree: ast.Module) -> Iterator[str]:
    for found in _imports_of(file, tree):
        if found.top in IO_MODULES:
            yield str(found)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in IO_CALLS:
                yield f"{file}:{node.lineno} calls {called.id}"
            if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
                yield f"{file}:{node.lineno} calls .{called.attr}"


def test_the_core_reads_no_clock_and_does_no_io() -> None:
    """Time is an argument, or no decision could be replayed."""
    found = [
        problem for file, tree in TREES.items() if file.startswith("core/") for problem in _impurities(file, tree)
    ]
    assert found == []


def test_the_engine_reads_no_clock_either() -> None:
    files = {file: tree for file, tree in TREES.items() if file.startswith("engine/")}
    assert [problem for file, tree in files.items() for problem in _impurities(file, tree)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "from random import random",
        "datetime.now()",
        "x = date.today()",
        "open('x')",
        "uuid.uuid4()",
    ],
)
def test_an_impurity_would_be_found(line: str) -> None:
    assert len(list(_impurities("core/x.py", ast.parse(line)))) == 1


# ---- the rest of the table


def test_annotations_are_real_where_dagster_reads_them() -> None:
    """Under the future import Dagster sees strings, and a resource is silently not a resource."""
    for file, tree in TREES.items():
        if file.startswith(("defs/", "detectors/", "marketplace/", "definitions.py")):
            futures = [
                node.lineno
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module == "__future__"
            ]
            assert futures == [], f"{file}:{futures[0]}"


def test_every_module_says_what_lives_in_it() -> None:
    silent = [file for file, tree in TREES.items() if not ast.get_docstring(tree) and tree.body]
    assert silent == []


def test_there_is_no_drawer_for_everything() -> None:
    assert [file for file in TREES if Path(file).stem in ("utils", "helpers", "common", "misc")] == []
