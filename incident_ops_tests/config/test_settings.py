"""Which file counts, what the environment overrides, and that no secret is shown on the way."""

from pathlib import Path

import pytest

from incident_ops.config import Config, Settings, load_settings, missing_secrets, settings_from_text
from incident_ops.core.errors import ConfigError

SECRETS = {
    "INCIDENT_OPS_SLACK_TOKEN": "xoxb-1-hunter2",
    "INCIDENT_OPS_SLACK_SIGNING_SECRET": "hunter2-signing",
    "INCIDENT_OPS_SLACK_APP_TOKEN": "xapp-hunter2",
    "INCIDENT_OPS_DATABASE_URL": "postgresql://u:hunter2@h/db",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def write(folder: Path, text: str, name: str = "incident_ops.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def problems_of(environ: dict[str, str], cwd: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ, cwd)
    return caught.value.problems


def test_without_a_file_and_without_variables_the_defaults_hold(home: Path, cwd: Path) -> None:
    """The README's promise: a line in workspace.yaml, a token, nothing else."""
    assert load_settings({"DAGSTER_HOME": str(home), "INCIDENT_OPS_CONFIG": ""}, cwd) == Settings(
        file=None,
        text="",
        config=Config(),
        database_url=None,
        dagster_url="http://127.0.0.1:3000",
        slack_token=None,
        slack_base_url="https://slack.com/api/",
        slack_default_channel="#data-incidents",
        slack_signing_secret=None,
        slack_app_token=None,
    )


def test_the_named_file_comes_before_that_of_the_home_and_that_before_the_current_directory(
    home: Path, cwd: Path
) -> None:
    """A file that is read by accident routes incidents to strangers."""
    environ = {"DAGSTER_HOME": str(home)}
    assert load_settings(environ, cwd).file is None
    here = write(cwd, "environment: here")
    settings = load_settings(environ, cwd)
    assert (settings.file, settings.text, settings.config.environment) == (here, "environment: here", "here")
    at_home = write(home, "environment: home")
    assert load_settings(environ, cwd).file == at_home
    named = write(cwd, "environment: named", "other.yaml")
    assert load_settings(environ | {"INCIDENT_OPS_CONFIG": str(named)}, cwd).config.environment == "named"
    assert load_settings(environ | {"INCIDENT_OPS_CONFIG": "other.yaml"}, cwd).file == named
    assert load_settings({}, cwd).file == here


def test_a_home_that_does_not_exist_or_is_a_file_has_no_configuration(home: Path, cwd: Path) -> None:
    """Whether the home is right is Dagster's to say."""
    file = write(home, "")
    assert load_settings({"DAGSTER_HOME": str(home / "gone")}, cwd).file is None
    assert load_settings({"DAGSTER_HOME": str(file)}, cwd).file is None


FROM_FILE = """
database_url: sqlite:///file.db
dagster_url: https://file.test/
slack:
  base_url: https://slack.file.test/api
  default_channel: "#file"
  token: {env: FILE_TOKEN}
  signing_secret: {env: FILE_SIGNING}
  app_token: {env: FILE_APP}
"""
FILE_ENVIRON = {"FILE_TOKEN": "t-file", "FILE_SIGNING": "s-file", "FILE_APP": "a-file"}


@pytest.mark.parametrize(
    ("attribute", "by_file", "variable", "value", "by_environment"),
    [
        ("database_url", "sqlite:///file.db", "INCIDENT_OPS_DATABASE_URL", "sqlite:///env.db", "sqlite:///env.db"),
        ("dagster_url", "https://file.test", "INCIDENT_OPS_DAGSTER_URL", "http://env.test:3000/", "http://env.test:3000"),
        ("slack_token", "t-file", "INCIDENT_OPS_SLACK_TOKEN", "t-env", "t-env"),
        ("slack_base_url", "https://slack.file.test/api/", "INCIDENT_OPS_SLACK_BASE_URL",
         "http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"),
        ("slack_signing_secret", "s-file", "INCIDENT_OPS_SLACK_SIGNING_SECRET", "s-env", "s-env"),
        ("slack_app_token", "a-file", "INCIDENT_OPS_SLACK_APP_TOKEN", "a-env", "a-env"),
        ("slack_default_channel", "#file", "INCIDENT_OPS_SLACK_DEFAULT_CHANNEL", "#env", "#env"),
        ("slack_default_channel", "#file", "INCIDENT_OPS_SLACK_DEFAULT_CHANNEL", "env", "#env"),
        ("slack_default_channel", "#file", "INCIDENT_OPS_SLACK_DEFAULT_CHANNEL", "C0ENV", "C0ENV"),
    ],
)  # fmt: skip
def test_a_variable_overrides_the_file_and_an_empty_one_does_not(
    cwd: Path, attribute: str, by_file: str, variable: str, value: str, by_environment: str
) -> None:
    """One file serves several deployments; an unset variable in a compose file arrives as an empty one."""

    def said(environ: dict[str, str]) -> str:
        found = getattr(load_settings(FILE_ENVIRON | environ, cwd), attribute)
        return found if isinstance(found, str) else found.get_secret_value()

    write(cwd, FROM_FILE)
    assert said({}) == by_file
    assert said({variable: ""}) == by_file
    assert said({variable: value}) == by_environment


def test_a_missing_slack_secret_means_no_slack_and_is_not_an_error(cwd: Path) -> None:
    """The inbox takes over on a laptop; `config check` lists what is missing."""
    write(cwd, FROM_FILE)
    assert load_settings({}, cwd).slack_token is None


def test_a_missing_database_url_is_an_error_and_does_not_start_a_second_store(cwd: Path) -> None:
    """Falling back to SQLite would look as if every incident had vanished."""
    write(cwd, "database_url: {env: DB_URL}")
    assert load_settings({"DB_URL": "sqlite:///x.db"}, cwd).database_url == "sqlite:///x.db"
    assert load_settings({"INCIDENT_OPS_DATABASE_URL": "sqlite:///y.db"}, cwd).database_url == "sqlite:///y.db"
    assert problems_of({}, cwd) == (
        "database_url: the environment variable DB_URL is not set; set it where Dagster runs.",
    )


BEHIND_A_PASSWORD = "https://ann:hunter2@dagster.test/prod"


@pytest.mark.parametrize("file", ["", "dagster_url: {env: WEBSERVER}"], ids=["no file", "a file that names one"])
@pytest.mark.parametrize("variable", ["INCIDENT_OPS_DAGSTER_URL", "WEBSERVER"])
def test_a_webserver_behind_a_password_is_reached_by_an_address_of_the_environment(
    cwd: Path, file: str, variable: str
) -> None:
    """The advice for a password in the file is to put the address there."""
    write(cwd, file)
    is_named = bool(file) or variable != "WEBSERVER"
    settings = load_settings({variable: BEHIND_A_PASSWORD + "/"}, cwd)
    assert settings.dagster_url == (BEHIND_A_PASSWORD if is_named else "http://127.0.0.1:3000")
    assert "hunter2" not in repr(settings)
    assert missing_secrets(settings.config, {variable: BEHIND_A_PASSWORD}) == []


def test_a_webserver_whose_variable_is_missing_stops_no_alert(cwd: Path) -> None:
    """`config check` names it; owners and lineage wait."""
    write(cwd, "dagster_url: {env: WEBSERVER}")
    settings = load_settings({}, cwd)
    assert settings.dagster_url == "http://127.0.0.1:3000"
    assert missing_secrets(settings.config, {}) == [
        "dagster_url: the environment variable WEBSERVER is not set; set it where Dagster runs."
    ]


def test_a_malformed_address_of_the_webserver_is_an_error_that_does_not_repeat_it(cwd: Path) -> None:
    write(cwd, "dagster_url: {env: WEBSERVER}")
    (problem,) = problems_of({"WEBSERVER": "ann:hunter2@dagster.test"}, cwd)
    assert problem.startswith("The environment variable WEBSERVER: this is not a web address")
    assert "hunter2" not in problem


def test_a_named_file_that_is_missing_is_an_error(cwd: Path) -> None:
    """Running on with the defaults would send everything to the wrong people."""
    write(cwd, "environment: here")
    assert problems_of({"INCIDENT_OPS_CONFIG": "gone.yaml"}, cwd) == (
        'INCIDENT_OPS_CONFIG names "gone.yaml", which does not exist; correct the path or unset the variable.',
    )


def test_a_directory_in_the_place_of_the_file_is_an_error(home: Path, cwd: Path) -> None:
    """A wrong volume mount creates one."""
    (cwd / "incident_ops.yaml").mkdir()
    assert problems_of({}, cwd) == ("incident_ops.yaml is a directory; name a file, or remove the directory.",)
    (home / "incident_ops.yaml").mkdir()
    assert problems_of({"DAGSTER_HOME": str(home)}, cwd) == (
        f"{home / 'incident_ops.yaml'} is a directory; name a file, or remove the directory.",
    )


def test_a_file_that_cannot_be_read_is_an_error(cwd: Path) -> None:
    """One sentence with the system's reason (here a name that is too long, for root may read everything)."""
    (problem,) = problems_of({"INCIDENT_OPS_CONFIG": "x" * 300}, cwd)
    assert problem.endswith("cannot be read (File name too long); let Dagster's user read it.")


def test_a_file_that_is_not_utf_8_is_an_error_with_its_line(cwd: Path) -> None:
    """Latin-1 from an old editor."""
    (cwd / "incident_ops.yaml").write_bytes("environment: x\n# Größe\n".encode("latin-1"))
    assert problems_of({}, cwd) == ("incident_ops.yaml, line 2: the file is not UTF-8 text; save it as UTF-8.",)


def test_mistakes_in_the_file_and_in_the_variables_are_said_together(cwd: Path) -> None:
    """Otherwise the second only shows once the first is mended."""
    write(cwd, "environment: 5")
    environ = {
        "INCIDENT_OPS_DAGSTER_URL": "localhost",
        "INCIDENT_OPS_SLACK_BASE_URL": "slack",
        "INCIDENT_OPS_SLACK_DEFAULT_CHANNEL": "Not A Channel",
    }
    address = 'this is not a web address; write it like "https://host.example/path".'
    assert problems_of(environ, cwd) == (
        "incident_ops.yaml, line 1: environment: 5 is not text; put it in quotes, if it is meant.",
        f"The environment variable INCIDENT_OPS_DAGSTER_URL: {address}",
        f"The environment variable INCIDENT_OPS_SLACK_BASE_URL: {address}",
        'The environment variable INCIDENT_OPS_SLACK_DEFAULT_CHANNEL: "#Not A Channel" has capital letters; write '
        '"#name" in lower case letters, digits, - and _.',
    )


def test_a_kept_text_gives_the_same_settings_as_its_file(cwd: Path) -> None:
    """The last good configuration stays in force while the file is broken."""
    write(cwd, FROM_FILE)
    from_file = load_settings(FILE_ENVIRON, cwd)
    kept = settings_from_text(from_file.text, FILE_ENVIRON, file="the last good incident_ops.yaml")
    assert kept.config == from_file.config
    assert (kept.file, kept.slack_token, kept.dagster_url) == (None, from_file.slack_token, from_file.dagster_url)


def test_no_way_of_showing_settings_shows_a_secret(cwd: Path) -> None:
    """Settings end up in logs and in error reports."""
    write(cwd, FROM_FILE + "# hunter2 in a comment\n")
    settings = load_settings(FILE_ENVIRON | SECRETS, cwd)
    assert settings.slack_token is not None
    assert settings.slack_token.get_secret_value() == "xoxb-1-hunter2"
    for shown in (repr(settings), str(settings), f"{settings}", settings.config.model_dump_json()):
        assert "hunter2" not in shown
