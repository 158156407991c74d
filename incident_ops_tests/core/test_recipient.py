"""Who is a recipient, and when two are one."""

import pytest

from incident_ops.core.recipient import recipient_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cfo@acme.test", "cfo@acme.test"),
        (" CFO@Acme.test ", "cfo@acme.test"),
        ("team:fin", "team:fin"),
        ("team:Fin ", "team:Fin"),
        ("team:", None),
        ("fin", None),
        ("", None),
        ("not an address", None),
        ("<!channel>", None),
        ("#fin", None),
        ("cfo@acme", None),
    ],
)
def test_an_address_is_the_same_in_every_spelling_and_anything_else_is_nobody(
    text: str, expected: str | None
) -> None:
    """Two spellings would be two starts and two all-clears for one person."""
    assert recipient_in(text) == expected
