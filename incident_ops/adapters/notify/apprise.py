"""Everything else as a sink, over Apprise: Microsoft Teams, Mattermost, Telegram and some hundred more.

Apprise tells only whether it worked, and writes the reason to its log. That log is listened to while it sends, and
kept from all others then: some services have their token in what it says.
"""

import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from html import escape

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType, OverflowMode
from apprise.exception import AppriseException

from incident_ops.adapters.notify.http_outcomes import Sink, no_answer, refused
from incident_ops.adapters.notify.plain import one_line, render_lines
from incident_ops.adapters.notify.shortened import bounded, short_line
from incident_ops.adapters.notify.slack.text import fit
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, Link, Message, bulletin
from incident_ops.core.notices import tells_a_turn
from incident_ops.core.routing import Destination

SHORTEST = 40
"""Characters; a title or text with less room than that says nothing."""

LONGEST_HEADLINE = 150
"""Characters of it that a reply repeats."""

_TYPES = {
    Colour.RED: NotifyType.FAILURE,
    Colour.YELLOW: NotifyType.WARNING,
    Colour.GREEN: NotifyType.SUCCESS,
    Colour.BLUE: NotifyType.INFO,
}
_STATUS = re.compile(r"error=(\d{3})\b")
_ZERO_WIDTH = "\u200b"
# What some service takes for a mention, or for the beginning of one.
_MENTION = re.compile(
    r"(?<![\w.+\-])[@＠](?=\w)|[@＠](?=channel|here|everyone|group|all)|<(?=[!@#/a-z])", re.IGNORECASE
)
_LOOK_ALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ", "|": "¦", "[": "［", "]": "］", "\\": "＼"})
_AT_AN_EDGE = re.compile(r"(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])")
_BLOCK = re.compile(r"^([^\S\n]*)([#>+=\-]|\d+[.)])", re.MULTILINE)


class AppriseNotifier:
    """Notifier with `CanReply` and `CanCheck`. Receipts hold the receiver's name, and the delivery's key with the
    headline in a line below it.

    A message is one message: what does not fit is cut and counted. Nothing can be edited or looked up. A reply is
    a message with the headline of the first if people are to be interrupted, or if it tells a turn
    (`core.notices.tells_a_turn`): somebody has it, it is over, it began again. Any other costs none; the links of
    the first lead to what it says. `Retry-After` is not passed on by Apprise, and a URL with several addressees
    counts as failed if one of them is: all of them get it again.

    Args:
        receiver: its name in the configuration.
        url: as Apprise takes it; a secret.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "apprise"

    def __init__(self, *, receiver: str, url: str, timeout: float = 10) -> None:
        self._receiver, self._url, self._timeout = receiver, url, timeout

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        what = f"the message on {message.incident_id}" if message.incident_id else "the message"
        self._notify(message, what)
        return Receipt(channel=destination.address, message=f"{key}\n{_headline_of(message)}")

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        incident, _, _ = key.partition(":")
        _, _, headline = thread.message.partition("\n")
        headline = headline or incident  # a receipt of an earlier version
        if broadcast or tells_a_turn(key):
            self._notify(bulletin(f"{headline}\n{text}"), f"what changed on {incident}")
        return Receipt(channel=thread.channel, message=f"{key}\n{headline}")

    def _notify(self, message: Message, what: str) -> None:
        with _listening() as heard:
            plugin = self._plugin()
            title, body, form = rendered(message, plugin)
            sink = self._sink(plugin)
            try:
                went_well = plugin.notify(
                    title=title, body=body, notify_type=_TYPES[message.colour], body_format=form
                )
            except (AppriseException, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
                raise no_answer(error, sink, what, adds=True) from None
        if not went_well:
            raise heard.trouble(sink, what)

    def check(self, destination: Destination) -> None:
        """Whether Apprise can read the URL; nothing is asked of the service."""
        with _listening():
            self._plugin()

    def _plugin(self) -> NotifyBase:
        """Made anew for each message: one that is kept would wait between two messages."""
        asset = AppriseAsset(secure_logging=True, async_mode=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the first time Apprise imports what its hundred services need
            plugin = Apprise.instantiate(self._url, asset=asset)
        if not isinstance(plugin, NotifyBase):
            problem = f'Apprise cannot use the url of receiver "{self._receiver}"'
            remedy = "see https://appriseit.com/services for how one is written"
            why = "its service is not known, or a part is missing"
            raise TransportError(f"{problem}: {why}; {remedy}", needs_person=True)
        plugin.socket_connect_timeout = plugin.socket_read_timeout = self._timeout
        plugin.retry = 0
        plugin.redirects = False  # whoever is behind one was not meant
        plugin.overflow_mode = OverflowMode.TRUNCATE  # never two messages; ours are cut to fit before
        plugin.persistent_storage = False
        return plugin

    def _sink(self, plugin: NotifyBase) -> Sink:
        unknown = "its url is not accepted; make a new one at the service"
        return Sink(
            name=f'Apprise of receiver "{self._receiver}"',
            host=one_line(str(plugin.service_name)),
            remedies={401: unknown, 403: unknown, 404: unknown},
        )


def _headline_of(message: Message) -> str:
    """What a later message begins with, so that it is understood by itself."""
    return short_line(message.headline, LONGEST_HEADLINE)


def rendered(message: Message, plugin: NotifyBase) -> tuple[str, str, NotifyFormat]:
    """Title, text and the markup of both, within the service's limits."""
    form = plugin.resolve_format(NotifyFormat.TEXT)
    write = _ESCAPES[form]
    message = bounded(message)
    text = render_lines(replace(message, links=())) or message.headline
    title, room = "", plugin.body_maxlen
    if plugin.title_maxlen >= SHORTEST and not plugin.overflow_amalgamate_title:
        title = fit(one_line(message.headline), plugin.title_maxlen, write)
    else:
        text = f"{one_line(message.headline)}\n{text}"
    links = _links(message.links, form, room // 2)
    body = fit(text, max(room - len(links), SHORTEST), write)
    return title, f"{body}{links}", form


def _links(links: tuple[Link, ...], form: NotifyFormat, room: int) -> str:
    """As many as have room, each in a line of its own."""
    end = _LINE_ENDS[form]
    text = ""
    for link in links:
        line = end + _link(link, form)
        if len(text) + len(line) + len(end) > room:
            break
        text += line
    return f"{end}{text}" if text else ""


def _link(link: Link, form: NotifyFormat) -> str:
    label = _ESCAPES[form](link.label)
    if form is NotifyFormat.HTML:
        return f'<a href="{escape(link.url)}">{label}</a>'
    if form is NotifyFormat.MARKDOWN:
        return f"[{label}]({link.url})"
    return f"{label}: {link.url}"


def _as_text(text: str) -> str:
    """Some services read markup in plain text, too: no mention and no link with another's face survives."""
    return _MENTION.sub(rf"\g<0>{_ZERO_WIDTH}", text).replace("](", f"]{_ZERO_WIDTH}(")


def _as_markdown(text: str) -> str:
    """Signs that look alike in place of markup: dialects differ in what a backslash does."""
    text = _BLOCK.sub(rf"\1{_ZERO_WIDTH}\2", text.translate(_LOOK_ALIKES))
    text = _AT_AN_EDGE.sub(lambda found: "ˍ" * len(found[0]), text)
    return _as_text(text).replace("\n", "  \n")


def _as_html(text: str) -> str:
    return escape(_as_text(text)).replace("\n", "<br />")


_ESCAPES: dict[NotifyFormat, Callable[[str], str]] = {
    NotifyFormat.TEXT: _as_text,
    NotifyFormat.MARKDOWN: _as_markdown,
    NotifyFormat.HTML: _as_html,
}
_LINE_ENDS = {NotifyFormat.TEXT: "\n", NotifyFormat.MARKDOWN: "  \n", NotifyFormat.HTML: "<br />"}


# ---- what Apprise says to its log


class _Heard:
    """Why a message was not taken, as far as Apprise has said."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.error: Exception | None = None

    def hear(self, record: logging.LogRecord) -> None:
        if status := _STATUS.search(record.getMessage()):
            self.status = int(status[1])
        handled = sys.exception()  # Apprise writes to its log while it handles the error that it swallows
        if isinstance(handled, Exception):
            self.error = handled

    def trouble(self, sink: Sink, what: str) -> TransportError:
        if self.status is not None:
            return refused(self.status, {}, sink, what, said="", adds=True, gone="")
        if self.error is not None:
            return no_answer(self.error, sink, what, adds=True)
        problem = f"{sink} did not take {what}, and Apprise does not say why"
        return TransportError(f"{problem}; check the receiver's url", fate_unknown=True)


_heard: ContextVar[_Heard | None] = ContextVar("heard", default=None)


def _is_for_others(record: logging.LogRecord) -> bool:
    heard = _heard.get()
    if heard is not None:
        heard.hear(record)
    return heard is None


for _name in ("apprise", "urllib3.connectionpool"):  # the latter tells whole paths
    logging.getLogger(_name).addFilter(_is_for_others)


@contextmanager
def _listening() -> Iterator[_Heard]:
    heard = _Heard()
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
