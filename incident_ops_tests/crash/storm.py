"""Slack is away for twenty minutes while a storm of alerts comes in, and the failures go on for hours after it."""

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from incident_ops_tests.crash.world import ASSETS, World
from incident_ops_tests.fake_slack import Trouble, dropped, hang, server_error

EVERY = 30
"""Seconds between two passes."""

AWAY = 20 * 60
PASSES = AWAY // EVERY

BEGINNING = 16 * 60
"""Within so many seconds every incident has begun."""

OWED_ELSEWHERE = 15 * 60
"""Seconds after which the fallback must have a post."""

HALF_HOURS = 10
"""The failures go on for so long: the phones ring once more, four hours after the posts."""

_REFUSED, _TIMED_OUT = "refused", "timed out"
_TROUBLES: tuple[Trouble | str, ...] = (
    *[server_error(500)] * 10,
    *[_REFUSED] * 10,
    *[_TIMED_OUT] * 1,
    *[server_error(503)] * 9,
    *[dropped()] * 10,
)


def storm(world: World, draw: random.Random, *, alerts: int, incidents: int, say: Callable[[str], None]) -> None:
    """Plays it to the end, when all is delivered."""
    told = 0
    for turn, trouble in enumerate(_TROUBLES):
        begun = 1 + (incidents - 1) * min(turn * EVERY, BEGINNING) // BEGINNING
        told += _begin(world, begun - len(world.promises), last_pass_in=(PASSES - 1 - turn) * EVERY)
        more = alerts * (turn + 1) // PASSES - told
        world.fail_again(*draw.choices(list(world.promises), k=more))
        told += more
        world.wakes()
        with _away(world, trouble) as job:
            world.delivers(**job)
        assert world.slack.posts() == [], "Slack was away"
        world.later(EVERY)
        say(f"{told:,} of {alerts:,} alerts")
    world.settles()
    for _ in range(HALF_HOURS):
        world.later(30 * 60)
        world.fail_again(*world.promises)
        world.wakes()
        world.settles()


def _begin(world: World, incidents: int, *, last_pass_in: int) -> int:
    """New incidents; a post that will be old enough while Slack is still away the fallback must have."""
    falls_back = last_pass_in > OWED_ELSEWHERE
    for _ in range(incidents):
        world.opens(ASSETS[len(world.promises)], falls_back=falls_back)
    return incidents


@contextmanager
def _away(world: World, trouble: Trouble | str) -> Iterator[dict[str, Any]]:
    """What a worker is to be told in order to meet the trouble."""
    if trouble == _REFUSED:
        with socket.socket() as nobody_listens:
            nobody_listens.bind(("127.0.0.1", 0))
            yield {"slack": f"http://127.0.0.1:{nobody_listens.getsockname()[1]}/api/"}
        return
    met = trouble if isinstance(trouble, Trouble) else hang()
    world.slack.down(met)
    yield {"timeout": 1} if met.released else {}
    met.release()
    world.slack.up()
