"""Who is believed: what Slack signed, once, within five minutes; and nobody else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.web import signatures
from incident_ops.web.signatures import Doubt, Guard, Signed, doubt_about, signature_of
from incident_ops_tests.web.serving import SECRET

# The example of Slack's own documentation (docs.slack.dev/authentication/verifying-requests-from-slack).
EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
THEN = 1531420618
THEIRS = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
NOW = datetime.fromtimestamp(THEN, UTC)
GOOD = Signed(body=EXAMPLE, time=str(THEN), signature=THEIRS)


def signed_at(seconds: float) -> Signed:
    time = str(int(THEN + seconds))
    return Signed(body=EXAMPLE, time=time, signature=signature_of(EXAMPLE, time, SECRET))


def test_we_sign_as_slack_does() -> None:
    assert signature_of(EXAMPLE, str(THEN), SECRET) == THEIRS


@pytest.mark.parametrize(
    ("request_", "doubt"),
    [
        (GOOD, None),
        (signed_at(-300), None),
        (signed_at(300), None),
        (signed_at(-301), Doubt.OLD),
        (signed_at(301), Doubt.EARLY),
        (signed_at(-86_400), Doubt.OLD),
        (replace(GOOD, body=EXAMPLE + b"&x=1"), Doubt.FORGED),
        (replace(GOOD, body=b""), Doubt.FORGED),
        (replace(GOOD, time=str(THEN + 1)), Doubt.FORGED),
        (replace(GOOD, signature=THEIRS[:-1]), Doubt.FORGED),
        (replace(GOOD, signature=f"{THEIRS}0"), Doubt.FORGED),
        (replace(GOOD, signature="v0="), Doubt.FORGED),
        (replace(GOOD, signature="v0=ä"), Doubt.FORGED),
        (replace(GOOD, signature=signature_of(EXAMPLE, str(THEN), "another secret")), Doubt.FORGED),
        (replace(GOOD, signature=signature_of(EXAMPLE, str(THEN), "")), Doubt.FORGED),
        (replace(GOOD, signature=THEIRS.replace("v0", "v1")), Doubt.VERSION),
        (replace(GOOD, signature=THEIRS.removeprefix("v0=")), Doubt.VERSION),
        (replace(GOOD, signature=None), Doubt.UNSIGNED),
        (replace(GOOD, signature=""), Doubt.UNSIGNED),
        (replace(GOOD, time=None), Doubt.UNSIGNED),
        (replace(GOOD, time=""), Doubt.UNSIGNED),
        (replace(GOOD, time="now"), Doubt.UNSIGNED),
        (replace(GOOD, time=f"-{THEN}"), Doubt.UNSIGNED),
        (replace(GOOD, time=f"{THEN}.0"), Doubt.UNSIGNED),
        (replace(GOOD, time="²"), Doubt.UNSIGNED),
        (replace(GOOD, time="9" * 5000), Doubt.UNSIGNED),
    ],
)
def test_what_slack_signed_within_five_minutes_is_believed_and_nothing_else(
    request_: Signed, doubt: Doubt | None
) -> None:
    assert doubt_about(request_, secret=SECRET, now=NOW) is doubt


@pytest.fixture
def another(store_url: str) -> Iterator[Callable[[], Guard]]:
    """A guard of another console."""
    opened: list[SqlStore] = []

    def make() -> Guard:
        opened.append(open_store(store_url))
        return Guard(SECRET, opened[-1])

    yield make
    for store in opened:
        store.dispose()


def test_each_request_is_believed_once_by_all_consoles_together(another: Callable[[], Guard]) -> None:
    """Whoever has recorded a request must not be able to give it again, not even elsewhere or after a restart."""
    guards = [another() for _ in range(4)]
    with ThreadPoolExecutor(4) as consoles:
        doubts = list(consoles.map(lambda guard: guard.doubt_about(GOOD, now=NOW), guards))
    assert sorted(map(str, doubts)) == sorted(["None", *[Doubt.REPLAYED] * 3])
    assert another().doubt_about(GOOD, now=NOW) is Doubt.REPLAYED
    assert guards[0].doubt_about(signed_at(1), now=NOW) is None


@pytest.mark.parametrize("signed", [-300, 0, 300])
def test_a_replay_is_refused_for_as_long_as_its_signature_is_good(store: SqlStore, signed: float) -> None:
    """A request from ahead stays good for ten minutes."""
    guard, request = Guard(SECRET, store), signed_at(signed)
    assert guard.doubt_about(request, now=NOW) is None
    for later in range(0, int(300 + signed) + 1, 60):
        assert guard.doubt_about(request, now=NOW + timedelta(seconds=later)) is Doubt.REPLAYED
    assert guard.doubt_about(request, now=NOW + timedelta(seconds=301 + signed)) is Doubt.OLD


def test_what_is_remembered_is_bounded(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "MOST_REMEMBERED", 3)
    guard = Guard(SECRET, store)
    assert [guard.doubt_about(signed_at(n), now=NOW) for n in range(4)] == [None, None, None, Doubt.CROWDED]
    later = NOW + timedelta(minutes=6)
    assert guard.doubt_about(signed_at(400), now=later) is None, "the others are forgotten"


def test_what_was_not_signed_leaves_nothing_behind(store: SqlStore) -> None:
    """Else anybody could fill the memory."""
    guard = Guard(SECRET, store)
    for body in (b"a", b"b", b"c"):
        assert guard.doubt_about(replace(GOOD, body=body), now=NOW) is Doubt.FORGED
    assert store.cursor("slack signatures") is None


def test_a_guard_shows_nobody_its_secret(store: SqlStore) -> None:
    guard: Any = Guard(SECRET, store)
    assert SECRET not in repr(guard)
