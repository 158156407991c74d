"""File and environment → settings: which file counts, what overrides it, and all that is wrong at once."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_core import PydanticCustomError

from incident_ops.config.addresses import read_slack_channel, read_url, read_url_of_environment
from incident_ops.config.document import KeyPath, Problem, UnreadableDocument, read_document, written
from incident_ops.config.explain import explain
from incident_ops.config.references import check_references
from incident_ops.config.secrets import Secret, secrets_in
from incident_ops.config.shape import Config
from incident_ops.core.errors import ConfigError

FILE_NAME = "incident_ops.yaml"
DEFAULT_DAGSTER_URL = "http://127.0.0.1:3000"
DEFAULT_SLACK_BASE_URL = "https://slack.com/api/"
DEFAULT_SLACK_CHANNEL = "#data-incidents"

_OVERRIDING: Mapping[KeyPath, str] = {
    ("database_url",): "INCIDENT_OPS_DATABASE_URL",
    ("dagster_url",): "INCIDENT_OPS_DAGSTER_URL",
    ("slack", "token"): "INCIDENT_OPS_SLACK_TOKEN",
    ("slack", "signing_secret"): "INCIDENT_OPS_SLACK_SIGNING_SECRET",
    ("slack", "app_token"): "INCIDENT_OPS_SLACK_APP_TOKEN",
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds now: the configuration, and the few values that the environment may override.

    Attributes:
        file: where the configuration was read, or None for the built-in defaults.
        text: the file's text, to be kept as the last good one.
        database_url: None stands for an SQLite file beside Dagster's own.
        slack_token: None stands for the inbox instead of Slack.
        api_token: of programs that report to `incident-ops serve`; only in the environment.
        secrets: the values of the variables that the file names, as far as they are set.
    """

    file: Path | None
    text: str = field(repr=False)
    config: Config
    database_url: str | None = field(repr=False)  # may carry a password
    dagster_url: str = field(repr=False)  # may carry a password
    slack_token: SecretStr | None
    slack_base_url: str
    slack_default_channel: str
    slack_signing_secret: SecretStr | None
    slack_app_token: SecretStr | None
    api_token: SecretStr | None = None
    secrets: Mapping[str, SecretStr] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def secret(self, named: Secret) -> SecretStr | None:
        """The value; None while its variable is missing or empty."""
        return self.secrets.get(named.env)


def load_settings(environ: Mapping[str, str], cwd: Path) -> Settings:
    """Settings from the file that INCIDENT_OPS_CONFIG names, else `incident_ops.yaml` in DAGSTER_HOME, else in the
    current directory, else the defaults. An empty variable counts as unset.

    Raises:
        ConfigError: all that is wrong with the file and the variables, a sentence each.
    """
    file, text = _find_file(environ, cwd)
    return _settings(text, environ, file=file, name=_name(file, cwd))


def database_url_despite_errors(environ: Mapping[str, str], cwd: Path) -> str | None:
    """Which database the environment or the file means, even if the file has mistakes elsewhere: whoever goes on
    with the last good configuration has to find it there. None stands for the default.

    Raises:
        ConfigError: what the file says of the database cannot be used, and another one would be the wrong one.
    """
    if url := environ.get("INCIDENT_OPS_DATABASE_URL"):
        return url
    try:
        _, text = _find_file(environ, cwd)
    except ConfigError:
        return None
    line = re.search(r"^database_url:[^\n]*", text, re.MULTILINE)
    if line is None:
        return None
    configured = parse_config(line.group(), file=FILE_NAME).database_url
    if not isinstance(configured, Secret):
        return configured
    try:
        return configured.resolve(environ).get_secret_value()
    except ConfigError as error:
        raise ConfigError([f"database_url: {problem}" for problem in error.problems]) from None


def settings_from_text(text: str, environ: Mapping[str, str], *, file: str) -> Settings:
    """Settings from a text that was kept, such as the last good one; the environment overrides it as always.

    Raises:
        ConfigError: as `load_settings`.
    """
    return _settings(text, environ, file=None, name=file)


def parse_config(text: str, *, file: str) -> Config:
    """Read and check a configuration.

    Args:
        file: what to call the text in errors.

    Raises:
        ConfigError: every problem of the text, in the order of its lines.
    """
    try:
        document = read_document(text)
    except UnreadableDocument as error:
        raise ConfigError(sentences([error.problem], file)) from None
    problems = [*document.problems, *check_references(document)]
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        problems.extend(explain(error, document, Config))
        raise ConfigError(sentences(problems, file)) from None
    if problems:
        raise ConfigError(sentences(problems, file))
    return config


def missing_secrets(config: Config, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each secret of the configuration whose variable is missing or empty, and not overridden."""
    return [
        f"{written(path)}: the environment variable {secret.env} is not set; set it where Dagster runs."
        for path, secret in secrets_in(config)
        if not environ.get(secret.env) and not environ.get(_OVERRIDING.get(path, ""))
    ]


def sentences(problems: Iterable[Problem], file: str) -> list[str]:
    """The problems as people read them, in the order of their lines."""
    said = (
        f"{file}, line {problem.line}: {problem.sentence}{'' if problem.sentence.endswith('?') else '.'}"
        for problem in sorted(problems, key=lambda problem: problem.line)
    )
    return list(dict.fromkeys(said))  # an anchor's fault would be said once for each alias


def _find_file(environ: Mapping[str, str], cwd: Path) -> tuple[Path | None, str]:
    if named := environ.get("INCIDENT_OPS_CONFIG"):
        file = cwd / named
        text = _read(file, _name(file, cwd))
        if text is None:
            sentence = f'INCIDENT_OPS_CONFIG names "{named}", which does not exist'
            raise ConfigError([f"{sentence}; correct the path or unset the variable."])
        return file, text
    home = environ.get("DAGSTER_HOME")
    for folder in ([cwd / home] if home else []) + [cwd]:
        file = folder / FILE_NAME
        text = _read(file, _name(file, cwd))
        if text is not None:
            return file, text
    return None, ""


def _read(file: Path, name: str) -> str | None:
    """The text of a file, or None if there is none."""
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise ConfigError([f"{name} is a directory; name a file, or remove the directory."]) from None
    except OSError as error:
        raise ConfigError([f"{name} cannot be read ({error.strerror}); let Dagster's user read it."]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{name}, line {line}: the file is not UTF-8 text; save it as UTF-8."]) from None


def _name(file: Path | None, cwd: Path) -> str:
    if file is None:
        return FILE_NAME
    return str(file.relative_to(cwd)) if file.is_relative_to(cwd) else str(file)


def _settings(text: str, environ: Mapping[str, str], *, file: Path | None, name: str) -> Settings:
    problems: list[str] = []
    try:
        config = parse_config(text, file=name)
    except ConfigError as error:
        problems.extend(error.problems)
        config = Config()
    overrides = _Overrides(environ, problems)
    slack = config.slack
    settings = Settings(
        file=file,
        text=text,
        config=config,
        database_url=overrides.text("INCIDENT_OPS_DATABASE_URL") or overrides.database_url(config.database_url),
        dagster_url=(overrides.dagster_url(config.dagster_url) or DEFAULT_DAGSTER_URL).rstrip("/"),
        slack_token=overrides.secret("INCIDENT_OPS_SLACK_TOKEN", slack.token),
        slack_base_url=(
            overrides.read("INCIDENT_OPS_SLACK_BASE_URL", read_url) or slack.base_url or DEFAULT_SLACK_BASE_URL
        ).rstrip("/")
        + "/",
        slack_default_channel=overrides.read("INCIDENT_OPS_SLACK_DEFAULT_CHANNEL", _channel)
        or slack.default_channel
        or DEFAULT_SLACK_CHANNEL,
        slack_signing_secret=overrides.secret("INCIDENT_OPS_SLACK_SIGNING_SECRET", slack.signing_secret),
        slack_app_token=overrides.secret("INCIDENT_OPS_SLACK_APP_TOKEN", slack.app_token),
        api_token=overrides.secret("INCIDENT_OPS_API_TOKEN", None),
        secrets={
            secret.env: SecretStr(value) for _, secret in secrets_in(config) if (value := environ.get(secret.env))
        },
    )
    if problems:
        raise ConfigError(problems)
    return settings


def _channel(value: object) -> str:
    """A channel in a variable may come without its #, which shells and .env files like to take for a comment."""
    try:
        return read_slack_channel(value)
    except PydanticCustomError:
        return read_slack_channel(f"#{value}")


class _Overrides:
    """Reads variables, and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str], problems: list[str]) -> None:
        self._environ = environ
        self._problems = problems

    def text(self, variable: str) -> str | None:
        return self._environ.get(variable) or None

    def read(self, variable: str, reader: Callable[[object], _T]) -> _T | None:
        value = self.text(variable)
        if value is None:
            return None
        try:
            return reader(value)
        except PydanticCustomError as error:
            self._problems.append(f"The environment variable {variable}: {error.message()}.")
            return None

    def secret(self, variable: str, configured: Secret | None) -> SecretStr | None:
        """The variable's value, else that of the variable which the file names; None when neither is set."""
        value = self.text(variable) or (self.text(configured.env) if configured else None)
        return SecretStr(value) if value else None

    def dagster_url(self, configured: str | Secret | None) -> str | None:
        """None also while the variable that the file names is missing: owners and links wait, alerts do not."""
        if isinstance(configured, Secret):
            configured = self.read(configured.env, read_url_of_environment)
        return self.read("INCIDENT_OPS_DAGSTER_URL", read_url_of_environment) or configured

    def database_url(self, configured: str | Secret | None) -> str | None:
        if not isinstance(configured, Secret):
            return configured
        try:  # needed at once: going on with the default would start a second, empty store
            return configured.resolve(self._environ).get_secret_value()
        except ConfigError as error:
            self._problems.extend(f"database_url: {problem}" for problem in error.problems)
            return None
