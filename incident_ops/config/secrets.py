"""Secrets in the configuration: the name of an environment variable, never a value.

They are looked up when they are needed, not when the file is read: a laptop without the production keys can still
check the production file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, field_validator, model_validator

from incident_ops.config.document import Empty
from incident_ops.config.refusals import refusal
from incident_ops.config.section import Section
from incident_ops.core.errors import ConfigError

# Capitals only: many a key pasted here by mistake (hex, base64) is then refused instead of named in a message.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Secret(Section):
    """`{env: NAME}`."""

    env: str

    @model_validator(mode="before")
    @classmethod
    def _is_no_literal(cls, value: Any) -> Any:
        if isinstance(value, (dict, Empty)):
            return value
        raise refusal(
            "a secret does not belong in the file; put it into an environment variable and write {env: NAME} here"
        )

    @field_validator("env", mode="before")
    @classmethod
    def _is_a_name(cls, value: object) -> str:
        if isinstance(value, str) and _VARIABLE.fullmatch(value):
            return value
        raise refusal(
            "this is not the name of an environment variable; write it in capitals, such as PAGERDUTY_KEY"
        )

    def resolve(self, environ: Mapping[str, str]) -> SecretStr:
        """The value.

        Raises:
            ConfigError: the variable is missing or empty.
        """
        value = environ.get(self.env)
        if not value:
            raise ConfigError([f"the environment variable {self.env} is not set; set it where Dagster runs."])
        return SecretStr(value)


def secrets_in(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Secret]]:
    """Every secret below a section, with its path in the file."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from secrets_in(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_in(item, (*path, str(key)))
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from secrets_in(item, (*path, place))
