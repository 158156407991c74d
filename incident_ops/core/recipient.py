"""Who can be told of something: a person by an e-mail address, or a team as `team:x`."""

import re

ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+\.[^@\s:.]+")
TEAM = "team:"


def recipient_in(text: str) -> str | None:
    """The recipient as it is compared, so that nobody is told twice: without white space around it, an address in
    lower case. None for what is neither an address nor a team."""
    text = text.strip()
    if ADDRESS.fullmatch(text):
        return text.casefold()
    return text if text.startswith(TEAM) and text != TEAM else None
