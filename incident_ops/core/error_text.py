"""Error texts made fit to keep and to compare: credentials out, and numbers, ids and paths out of the identity.

Escaping for a particular sink (Slack's markup, HTML) belongs to that sink.
"""

import hashlib
import re

from incident_ops.core.plain_text import clean

_REDACTED = "[redacted]"
_MOST_ROUNDS = 8
"""What one pattern leaves may be another's; texts of real errors are stable after the first round."""

_USER_OPTION = r"""(?<![\w\-])(?:-u|--(?:proxy-)?user)(?:["']?,?\s{1,9}|=|(?<=-u))"""
# What stands before an e-mail address rather than before a password.
_LABELS = (
    r"(?:mailto|sips?|xmpp|acct|pkg|npm|to|from|b?cc|reply-to|e-?mail|mail|owners?|contacts?|by|author"
    r"|sender|recipient|notify|team|assignee|responder):"
)
_HOST = r"(?:(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z][A-Za-z0-9\-]{0,62}|\d{1,3}(?:\.\d{1,3}){3})"

# Each pattern keeps what helps (scheme, user, name of the key) and drops the secret itself. Every repetition that
# may begin anywhere is bounded: an error may quote megabytes, and a tick has to end.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # -----BEGIN … PRIVATE KEY----- blocks, whole
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        _REDACTED,
    ),
    # Authorization: Bearer abc, Basic abc (but not "basic authentication": no base64 of a password is one word)
    (re.compile(r"\b(bearer)\s+(?!\[redacted\])[^\s\"';]{8,}", re.IGNORECASE), rf"\1 {_REDACTED}"),
    (
        re.compile(r"\b((?i:basic))\s+(?!\[redacted\]|[A-Za-z][a-z]*(?:[\s.,:]|$))[^\s\"';]{8,}"),
        rf"\1 {_REDACTED}",
    ),
    # password=…, "api_key": "…", PGPASSWORD='…', AccountKey=…, Pwd={…}. A quoted value may hold anything but its
    # quote (one that is never closed ends with the line); any other ends at white space, a semicolon or the next
    # parameter of a URL, without the punctuation around it.
    (
        re.compile(
            r"""((?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_\-]?key|access[_\-]?key|account[_\-]?key
                |private[_\-]?key|credential|authorization|routing[_\-]?key|[_\-]pass(?![a-z])
                |(?<![a-z])sas(?![a-z]))[\w\-]{0,40}
                ["']?(?>\s*(?:=>|=|:)\s*))
                (?!\[(?:redacted|masked)\]|(?:bearer|basic)\s+\[redacted\])
                (?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|["'][^\n]*|\{(?:[^}]|\}\})*\}
                |(?:(?:bearer|basic)\s+)?(?:[^\s;&]|&(?![\w.%\-]{1,80}=))*[^\s;&,.:)}\]"'])""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{_REDACTED}",
    ),
    # --password abc
    (
        re.compile(
            r"(?<![\w\-])(--?[\w\-]{0,40}(?:password|passwd|secret|token|api-?key)\s+)(?!-|\[redacted\])\S+",
            re.IGNORECASE,
        ),
        rf"\1{_REDACTED}",
    ),
    # curl -u ann:abc, --user 'ann:a b' (but not -u 1000:1000, a user's and a group's number)
    (
        re.compile(rf"""({_USER_OPTION}(["'])[^\s:"']{{1,200}}:)(?!\[redacted\])(?:(?!\2)[^\n]){{1,500}}"""),
        rf"\1{_REDACTED}",
    ),
    (
        re.compile(
            rf"""({_USER_OPTION}(?!\d+:\d+(?!\w))[^\s:"'=]{{1,200}}:)(?!//|\[redacted\])"""
            r"""\S{0,500}[^\s;&,.:)}\]"'`]"""
        ),
        rf"\1{_REDACTED}",
    ),
    # mysql -pabc: only these programs take a password so; elsewhere -p is a port, a path, a project
    (
        re.compile(
            r"""(\b(?:mysql[a-z]*|mariadb(?:-[a-z]+)?|sshpass)(?:\.exe)?["']?,?(?=\s)[^\n|;]{0,300}?[\s"']-p)
                (?!\[redacted\])(?:"[^"\n]{1,500}"|'[^'\n]{1,500}'|\S{0,500}[^\s;&,.:)}\]"'`])""",
            re.VERBOSE,
        ),
        rf"\1{_REDACTED}",
    ),
    # signed URLs
    (re.compile(r"([?&](?:[\w\-]{0,40}signature|sig)=)[^\s&]+", re.IGNORECASE), rf"\1{_REDACTED}"),
    (re.compile(r"(jdbc:oracle:\w+:[^\s/@]{0,200}/)\S{0,500}@", re.IGNORECASE), rf"\1{_REDACTED}@"),
    # scheme://user:password@host; greedy up to the last @ before the path, since passwords may hold an @ (and a /)
    (re.compile(r"(://[^\s:/]{0,200}):[^\s/]{0,500}@"), rf"\1:{_REDACTED}@"),
    (re.compile(r"(://[^\s:/]{0,200}):\S{0,500}@"), rf"\1:{_REDACTED}@"),
    # the same with spaces in the password; what begins like a port is one, and the address after it is somebody's
    (
        re.compile(
            r"""(://[^\s:/\[]{0,200}):(?!\s|\[redacted\]|\d{1,5}(?:[\s/,;:.?#)\]]|$))
                [^\s/@"'<>]{1,100}(?:[ ]{1,3}[^\s/@"'<>]{1,100}){1,5}@(?=[\w\[])""",
            re.VERBOSE,
        ),
        rf"\1:{_REDACTED}@",
    ),
    # user:password@host:5432 and user:password@db.test without a scheme
    (
        re.compile(
            r"""(?<![\w.+\-:/@])([A-Za-z_][\w.+\-@]{0,63}:)(?!\[redacted\]|git@|[a-z+:\-]{0,40}//)
                (?:(?!\[redacted\])[^\s"']){1,200}@(?=[\w.\-]{1,250}:\d{2,5}(?!\w))""",
            re.VERBOSE,
        ),
        rf"\1{_REDACTED}@",
    ),
    (
        re.compile(
            rf"""(?<![\w.+\-:/@])(?!(?i:{_LABELS}))([A-Za-z_][\w.+\-@]{{0,63}}:)(?!\[redacted\]|git@)
                (?:(?!\[redacted\])[^\s"'<>,;/:]){{1,200}}@(?={_HOST}(?![\w.]*@))""",
            re.VERBOSE,
        ),
        rf"\1{_REDACTED}@",
    ),
    # Slack, GitHub, GitLab, Stripe, Databricks, AWS, Google, JSON web tokens, Slack's webhooks
    (re.compile(r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{6,}"), _REDACTED),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|sk_live_|rk_live_|dapi|sk-)[A-Za-z0-9_\-]{10,}"), _REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), _REDACTED),
    (re.compile(r"\bAIza[0-9A-Za-z_\-]{30,}"), _REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]*"), _REDACTED),
    (re.compile(r"(https://hooks\.slack\.com/services/)\S+"), rf"\1{_REDACTED}"),
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
    """`text` without passwords, tokens and keys; what surrounds them stays readable. Looked at as it is, and
    cleaned (`core.plain_text`): colours within a key hide it from every pattern, and from nobody who reads it; and
    what looks like the end of an escape may be the first letter of "password"."""
    cleaned = clean(text)
    return _redacted(cleaned if cleaned == text else clean(_redacted(text)))


def _redacted(text: str) -> str:
    for _ in range(_MOST_ROUNDS):
        before = text
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
        if text == before:
            break
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


def errors_of_dbt(message: str) -> str:
    """The errors that dagster-dbt quotes from dbt's log, in one line; any other message as it is.

    Around them it tells the command, where the log is, and what to read; that differs from run to run, and fills
    the line before the error comes.
    """
    _, _, quoted = message.partition(_OF_DBT)
    lines = [_PROGRESS.sub(r"\1", " ".join(line.split())) for line in clean(quoted).splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line and not line.startswith(_SUMMED_UP))) or message


_OF_DBT = "Errors parsed from dbt logs:"
_SUMMED_UP = ("Completed with ", "Done. PASS=", "compiled code at ", "Encountered an error:")
# "2 of 2 FAIL 25 unique_id .... [FAIL 25 in 0.12s]"
_PROGRESS = re.compile(r"^(?:\d+ of \d+ )?(.*?)(?: \.{3,} \[.*\])?$")


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; what was cut is counted at the end."""
    if len(text) <= limit:
        return text
    note = f" … ({len(text):,} characters in all)"
    if limit <= len(note):
        return text[:limit]
    return text[: limit - len(note)] + note
