"""Where messages can go: Slack channels and people, e-mail, teams, web addresses, the database."""

import re
import unicodedata
from ipaddress import ip_address
from typing import Annotated, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from incident_ops.config.refusals import refusal, shown, text_of
from incident_ops.core.recipient import ADDRESS, recipient_in

_SLACK_ID = re.compile(r"[CGDUW][A-Z0-9]{2,20}")
_TARGET = re.compile(r"(schedule|team|receiver):(.+)")


def read_slack_channel(value: object) -> str:
    text = text_of(value)
    if text.startswith("#"):
        name = text[1:]
        fault = (
            "has no name after the #"
            if not name
            else "has more than 80 characters"
            if len(name) > 80
            else "has capital letters"
            if name != name.lower()
            else "has a character that Slack does not allow"
            if not all(map(_is_channel_character, name))
            else None
        )
        if fault is None:
            return text
        raise refusal(f'{shown(text)} {fault}; write "#name" in lower case letters, digits, - and _')
    if _SLACK_ID.fullmatch(text):
        return text
    guess = text.lower().lstrip("@")
    example = f'"#{guess}"' if guess and all(map(_is_channel_character, guess)) else '"#name"'
    if not shown(text).startswith('"'):
        example = '"#name"'
    raise refusal(f"{shown(text)} is not a Slack channel; write {example}, or its id, such as C0123456789")


def read_channel_prefix(value: object) -> str:
    """The first part of a channel's name, short enough for what comes after it."""
    text = text_of(value)
    if len(text) <= 60 and text == text.lower() and all(map(_is_channel_character, text)):
        return text
    raise refusal(f'{shown(text)} cannot begin a channel\'s name; write it like "inc-", without #')


def _is_channel_character(character: str) -> bool:
    return character in "-_" or unicodedata.category(character)[0] in "LMN"


def read_slack_user(value: object) -> str:
    text = text_of(value)
    if not re.fullmatch(r"[UW][A-Z0-9]{2,20}", text):
        raise refusal(f"{shown(text)} is not a Slack member id; copy it from the profile, such as U0123456789")
    return text


def read_email(value: object) -> str:
    text = text_of(value)
    if not ADDRESS.fullmatch(text):
        raise refusal(f"{shown(text)} is not an e-mail address; write it like erin@acme.test")
    return text


def read_person_or_team(value: object) -> str:
    text = text_of(value)
    if text == text.strip() and recipient_in(text) is not None:
        return text
    raise refusal(f"{shown(text)} is neither an e-mail address nor a team; write erin@acme.test or team:fin")


def read_consumer(value: object) -> str:
    """A person or team, spelled as consumers are compared."""
    text = text_of(value)
    return recipient_in(text) or read_person_or_team(text)


def read_target(value: object) -> str:
    text = text_of(value)
    if ADDRESS.fullmatch(text) or _TARGET.fullmatch(text):
        return text
    raise refusal(
        f"{shown(text)} is not a target; write an e-mail address, schedule:NAME, team:NAME or receiver:NAME"
    )


def read_url(value: object) -> str:
    """An http(s) address for the file. Refused with a password in it."""
    text = read_url_of_environment(value)
    if urlsplit(text).password:
        raise refusal(
            "a password does not belong in the file; put the address into an environment variable and "
            "write {env: NAME} here"
        )
    return text


def read_url_of_environment(value: object) -> str:
    """An http(s) address, which may hold a user and password. Never repeated: addresses can be secrets."""
    text = text_of(value)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = None, None
    if parts is None or parts.scheme not in ("http", "https") or not host or re.search(r"\s", text):
        raise refusal('this is not a web address; write it like "https://host.example/path"')
    return text


def is_url(text: str) -> bool:
    """Whether `read_url` takes it: the values of variables are only looked at when they are used."""
    try:
        read_url(text)
    except PydanticCustomError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """The host is this machine, by its usual names."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def read_database_url(value: object) -> str:
    """An SQLAlchemy URL without a password; the driver's own grammar is the store's to check."""
    text = text_of(value)
    if not re.match(r"[a-z][a-z0-9_+]*://", text):
        raise refusal('this is not a database URL; write it like "postgresql+psycopg://user@host/name"')
    parts = urlsplit(text)
    if parts.password or "password" in parse_qs(parts.query):
        raise refusal(
            "a password does not belong in the file; put the URL into INCIDENT_OPS_DATABASE_URL, "
            "or into another environment variable and write {env: NAME} here"
        )
    return text


SlackChannel: TypeAlias = Annotated[str, BeforeValidator(read_slack_channel)]
ChannelPrefix: TypeAlias = Annotated[str, BeforeValidator(read_channel_prefix)]
SlackUser: TypeAlias = Annotated[str, BeforeValidator(read_slack_user)]
Email: TypeAlias = Annotated[str, BeforeValidator(read_email)]
PersonOrTeam: TypeAlias = Annotated[str, BeforeValidator(read_person_or_team)]
Consumer: TypeAlias = Annotated[str, BeforeValidator(read_consumer)]
Target: TypeAlias = Annotated[str, BeforeValidator(read_target)]
Url: TypeAlias = Annotated[str, BeforeValidator(read_url)]
DatabaseUrl: TypeAlias = Annotated[str, BeforeValidator(read_database_url)]
