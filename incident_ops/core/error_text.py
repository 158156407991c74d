"""Error texts made fit to keep and to compare: credentials out, and numbers, ids and paths out of the identity.

Escaping for a particular sink (Slack's markup, HTML) belongs to that sink.
"""

import hashlib
import re

_REDACTED = "[redacted]"

# Each pattern keeps what helps (scheme, user, name of the key) and drops the secret itself.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # -----BEGIN … PRIVATE KEY----- blocks, whole
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        _REDACTED,
    ),
    # scheme://user:password@host; greedy up to the last @ before the path, since passwords may hold an @
    (re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s:/@]*):[^\s/]*@", re.IGNORECASE), rf"\1:{_REDACTED}@"),
    (re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s:/@]*):\S*@", re.IGNORECASE), rf"\1:{_REDACTED}@"),
    # Slack, GitHub, GitLab, Stripe, AWS, Google, JSON web tokens, Slack and Discord webhooks
    (re.compile(r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{6,}"), _REDACTED),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|sk_live_|rk_live_|dapi|sk-)[A-Za-z0-9_\-]{10,}"), _REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), _REDACTED),
    (re.compile(r"\bAIza[0-9A-Za-z_\-]{30,}"), _REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]*"), _REDACTED),
    (re.compile(r"(https://hooks\.slack\.com/services/)\S+"), rf"\1{_REDACTED}"),
    # Authorization: Bearer abc, Basic abc
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE), rf"\1 {_REDACTED}"),
    # password=…, "api_key": "…", PGPASSWORD='…', AccountKey=…; a quoted value may hold anything but its quote
    (
        re.compile(
            r"""((?<![A-Za-z])[\w.\-]*(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_\-]?key|access[_\-]?key|
                account[_\-]?key|private[_\-]?key|credential|authorization|routing[_\-]?key|sas)[\w\-]*
                ["']?\s*(?:=>|=|:)\s*)
                (?!\[redacted\])
                (?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s,;&)}\]"']+)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{_REDACTED}",
    ),
)

# Order matters: ids before plain numbers, quoted values last.
_VARIABLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"), "<time>"),
    (re.compile(r"0x[0-9a-f]+", re.IGNORECASE), "<id>"),
    (re.compile(r"(?:[A-Za-z]:)?(?:[/\\][\w.\-@+~]+){2,}[/\\]?"), "<path>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
)


def redact(text: str) -> str:
    """`text` without passwords, tokens and keys; what surrounds them stays readable."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def normalise(message: str) -> str:
    """`message` with times, ids, paths and numbers replaced by placeholders and white space squeezed."""
    for pattern, placeholder in _VARIABLE:
        message = pattern.sub(placeholder, message)
    return " ".join(message.split())


def error_signature(class_name: str, message: str) -> str:
    """Twelve hex digits that are equal for two errors of one class that differ in numbers, ids, times or
    paths only. Only the first 500 characters of the normalised message count: tails tend to hold data."""
    text = f"{class_name}\n{normalise(redact(message))[:500]}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; what was cut is counted at the end."""
    if len(text) <= limit:
        return text
    note = f" … ({len(text):,} characters in all)"
    if limit <= len(note):
        return text[:limit]
    return text[: limit - len(note)] + note
