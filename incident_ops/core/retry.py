"""When to try a delivery again, when to tell somebody else as well, and when to give it up: one rule per kind of
sink. What is temporary and what is permanent the notifier says (`TransportError`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

DELAY_FOR_A_PERSON = timedelta(minutes=5)
"""A token is renewed by hand: to ask more often would only fill the sink's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """How patient we are with one kind of sink.

    Attributes:
        first: the delay after the first failure; it doubles with each further one.
        longest: the delay never grows beyond this.
        fallback_after: what no try got through for so long goes to the fallback as well.
        give_up_after: what never got through for so long is a dead letter.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=5)
    fallback_after: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(days=3)

    def delay(self, attempts: int, *, retry_after: timedelta | None, jitter: float) -> timedelta:
        """Exponential backoff with up to half of it taken off by jitter ("equal jitter", Brooker, AWS Architecture
        Blog 2015); never earlier than the sink asked for.

        Args:
            attempts: how often it was tried, 1 after the first failure.
            retry_after: the sink's own wish.
            jitter: 0 ≤ jitter < 1, drawn by the caller.
        """
        delay = min(self.longest, self.first * 2 ** min(attempts - 1, 16))
        delay -= delay * jitter / 2
        return max(delay, retry_after) if retry_after is not None else delay


_PAGES = RetryRule(longest=timedelta(minutes=2), give_up_after=timedelta(days=1))
"""For sinks that wake somebody: asked again soon, and never a page about yesterday."""

_USUAL = RetryRule()
"""Three days: over a weekend, until somebody is there who can mend it. Standard Webhooks' suggested schedule of
retries ends after about as long."""

_RULES: Mapping[str, RetryRule] = {
    "pagerduty": _PAGES,
    "jsm": _PAGES,
    "opsgenie": _PAGES,
    # It forgets what is not repeated after some minutes anyway (`resolve_timeout`), and is sent it all again.
    "alertmanager": RetryRule(longest=timedelta(minutes=1), give_up_after=timedelta(days=1)),
    # RFC 5321, 4.5.4.1, has relays wait 30 minutes and give up after four to five days. Ours is the first hop,
    # whose relay keeps what it accepted: asked more often, and given up once the text is of no use any more.
    "email": RetryRule(
        first=timedelta(seconds=30), longest=timedelta(minutes=15), give_up_after=timedelta(days=2)
    ),
    # A task for later: nobody waits for it at night.
    "jira": RetryRule(first=timedelta(seconds=30), longest=timedelta(minutes=15)),
    # An error of yesterday beside those of today: events that are older than a day tell the wrong story.
    "sentry": RetryRule(give_up_after=timedelta(days=1)),
}


def rule_for(kind: str) -> RetryRule:
    """The rule of a kind of sink; what the table does not name (Slack, webhooks, Apprise, the inbox) has the usual
    one."""
    return _RULES.get(kind, _USUAL)
