"""Under which name a sink that keeps alerts of its own knows an incident.

One name over the incident's life, so that the sink sees changes and repeats for what they are; whatever is no
incident's own post has a name of its own and takes nobody's place.
"""

import hashlib

from incident_ops.core.message import Message


def alert_key(message: Message, *, key: str, origin: str, longest: int) -> str:
    """`incident_ops/<origin>/INC-7` for the incident's post, else `incident_ops/<origin>/<delivery's key>`; what
    has more than `longest` characters ends in a digest of the whole."""
    name = f"incident_ops/{origin}/{message.about.id if message.about and is_post(key) else key}"
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[: longest - 33]}:{digest}"


def is_post(key: str) -> bool:
    """Whether this delivery's key is that of an incident's own post (`INC-7:post:…`)."""
    return key.split(":", 2)[1:2] == ["post"]
