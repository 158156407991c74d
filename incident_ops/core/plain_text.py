"""Text from outside as a person reads it: without terminal escapes and control characters.

Before secrets are looked for as well as before it is shown: `pass<bold>word=…` is a password to whoever reads it.
"""

import re

# ECMA-48: control sequences (colours), control strings (titles, links; one that is never closed ends with its
# line), and every other escape (`tput sgr0` begins with one of three characters). Their forms of one character
# (C1) are left to `_INVISIBLE`: where they stand it is mostly UTF-8 read as Latin-1, and what follows is needed.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[PX\]^_][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]"
)
_LINE_ENDS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
# Control characters but tab and newline, and the signs that turn the direction of writing around
# (they make `gpj.exe` read as `exe.jpg`).
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without terminal escapes, control characters and lone surrogates (which no JSON parser of a sink
    accepts), with `\\n` as its only line end."""
    if text.isprintable():  # most are, and asking costs next to nothing
        return text
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text))
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", text))
