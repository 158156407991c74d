"""Whether the name of a column's type is a slip of the pen: not known, and nearly one that is.

Types are open: a database has its own enumerations, the next version has new ones. So only what is nearly a common
name and none itself is called a slip. Which names mean the same is `column_types`'.
"""

import re
from difflib import get_close_matches

from incident_ops.core.column_types import same_type

NEAR = 0.8
"""Ratcliff and Obershelp's likeness (twice the letters in common by all letters, as `difflib` has it), from which
on one is meant for the other: one letter of five wrong, or two of them exchanged."""

_COMMON = (
    "tinyint smallint integer int bigint hugeint long short byte int8 int16 int32 int64 int128"
    " uint8 uint16 uint32 uint64 float double real float32 float64 decimal numeric number boolean bool"
    " string varchar char character text charactervarying binary varbinary bytes blob"
    " date datetime timestamp timestamptz timestampwithtimezone time json jsonb"
)
"""Each meaning in the words in which people write it."""

_OTHERS = (
    "any array bigserial bignum bit bitstring category categorical cidr citext datetimeoffset dict"
    " dictionary duration enum fixed float4 geography geometry halffloat inet integral interval list"
    " longblob longtext macaddr map mediumblob mediumtext money ntext null object oid period point range"
    " row serial set smalldatetime smallmoney smallserial struct super timetz tinyblob tinytext tsvector"
    " uhugeint uint unknown uuid variant varint vector xml year"
)
"""Real types that no common name means, some of them nearly one."""


def meant_instead(name: str) -> str | None:
    """The common name that `name` is nearly; None where it is a name of a type, or nothing is near.

    Looked at is the outermost type (of `array<int>` the array), without case, blanks, underscores, arguments,
    units and digits: another width is another type, and no slip.
    """
    base = re.split(r"[(<\[]| with| not null|_(?:s|ms|us|ns)$", name.casefold().strip())[0].lstrip("!")
    plain = re.sub(r"[\s_]", "", base)
    if any(_is_known(form) for form in (base, plain, re.sub(r"\d", "", plain))):
        return None
    return next(iter(get_close_matches(plain, _COMMON.split(), n=1, cutoff=NEAR)), None)


def _is_known(plain: str) -> bool:
    return plain in _OTHERS.split() or any(same_type(plain, known) for known in _COMMON.split())
