"""From a URL to an engine. What may hold a password is never quoted: of a URL an error names the scheme alone."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, unquote_plus, urlsplit

import dagster as dg
import duckdb
import ibis
from ibis.backends import BaseBackend

from incident_ops.core.error_text import redact
from incident_ops.detectors.reading.options import ReadError

ENCODE = "percent-encode the special characters in its user, its password and its parameters (# is %23, @ is %40)"
_FILE = re.compile(r"[^:=\s]+\.(?:sqlite|db|csv|csv\.gz|parquet)")
_SECRET_PARAMETER = re.compile(r"pass|pwd|token|secret|key|credential", re.IGNORECASE)


def connected(source: str, *, remedy: str) -> BaseBackend:
    """The engine at a URL, or at one that a `dg.EnvVar` holds; read-only where the engine can.

    Args:
        remedy: what else to give as a source.

    Raises:
        ReadError: it is no URL, no engine is known for it, or its driver cannot connect; without its secrets.
    """
    # the driver that a URL of SQLAlchemy names is Ibis's to choose
    url = re.sub(r"^(\w+)\+\w+://", r"\1://", _text(source))
    parts = _parts(url, remedy)
    try:
        return _opened(url)
    except ReadError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver has its own, and any may quote what it was given
        if isinstance(error, ValueError) and "know how to connect" in str(error):
            raise ReadError(f"no engine is known for {_named(parts)}: {remedy}") from None
        told = redact(_without(str(error), _secrets(parts)))
        raise ReadError(f"{_named(parts)} cannot be opened: {type(error).__name__}: {told}") from None


def _text(source: str) -> str:
    if not isinstance(source, dg.EnvVar):
        return source
    found = os.environ.get(source.env_var_name)
    if not found:
        raise ReadError(
            f"the environment variable {source.env_var_name} is not set, and holds the URL of the source"
        )
    return found


def _parts(url: str, remedy: str) -> SplitResult:
    """Read here first, since a parser's own error quotes what it cannot read.

    Raises:
        ReadError: it is no URL, or one that a driver would take apart elsewhere than was meant: a `#`, `/` or `?`
            in a password ends the host, and the rest of it would be told as a port or as a database.
    """
    scheme = re.match(r"([a-z][a-z0-9+]*)://", url, re.IGNORECASE)
    if scheme is None and not _is_duckdb(url) and not _FILE.fullmatch(url):
        raise ReadError(f"a source that is text is a URL, scheme://…, and the one given is none: {remedy}")
    parts = _split(url)
    if parts is None or _ends_early(parts):
        named = f"{scheme[1]}:…" if scheme else "that is text"
        raise ReadError(f"the URL of a source {named} cannot be read: {ENCODE}")
    return parts


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        if not _is_duckdb(url):
            _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def _ends_early(parts: SplitResult) -> bool:
    """Of a URL with a host: the rest of a file's is a path."""
    is_hosted = bool(parts.netloc) and parts.scheme != "duckdb"
    return is_hosted and (bool(parts.fragment) or "@" in f"{parts.path}{parts.query}")


def _is_duckdb(url: str) -> bool:
    return re.match(r"duckdb://|[^:]*\.duckdb$", url) is not None


def _named(parts: SplitResult) -> str:
    return f"a source {parts.scheme}:…" if parts.scheme else "a source that is a file"


def _secrets(parts: SplitResult) -> Collection[str]:
    """As they stand in the URL, as they are meant, and as a driver may write them anew."""
    return {form for secret in _written(parts) for form in _forms(secret) if form}


def _written(parts: SplitResult) -> Iterator[str]:
    yield parts.password or ""
    yield from (value for name, value in parse_qsl(parts.query) if _SECRET_PARAMETER.search(name))
    yield from (pair.partition("=")[2] for pair in parts.query.split("&") if _SECRET_PARAMETER.search(pair))


def _forms(secret: str) -> Iterator[str]:
    for meant in (unquote(secret), unquote_plus(secret)):
        yield from (secret, meant, quote(meant, safe=""), repr(meant)[1:-1])


def _without(text: str, secrets: Collection[str]) -> str:
    if not secrets:
        return text
    return re.sub("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))), "[redacted]", text)


def _opened(url: str) -> BaseBackend:
    if _is_duckdb(url):
        return _duckdb(url)
    backend = ibis.connect(url)
    if backend.name == "postgres":
        getattr(backend, "con").execute("SET default_transaction_read_only = on")  # noqa: B009
    return backend


def _duckdb(url: str) -> BaseBackend:
    path = re.sub(r"^duckdb://", "", url).partition("?")[0]
    if path in ("", ":memory:") or path.startswith(("md:", "motherduck:")):
        return ibis.connect(url)
    if not Path(path).exists():
        raise ReadError(f"there is no DuckDB file {redact(path)}: name it in source=…")
    try:
        return ibis.connect(url, read_only=True)
    except duckdb.ConnectionException:
        return ibis.connect(url)  # this very process has it open for writing, and may have only one configuration
