"""The people and channels of the stand-in, and the methods of Slack's that are about them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from incident_ops_tests.fake_slack.records import Json
from incident_ops_tests.fake_slack.rules import Refusal, page_of

ANY_CHANNEL = "*"
BOT = "U0FAKE"


@dataclass(kw_only=True)
class FakeChannel:
    """A conversation as it stands now. `members` are ids of users, our bot's among them where it is a member."""

    id: str
    name: str
    topic: str = ""
    members: list[str] = field(default_factory=lambda: [BOT])
    is_archived: bool = False
    is_private: bool = False

    def as_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.id.startswith("D"),
            "is_archived": self.is_archived,
            "is_private": self.is_private,
            "is_member": BOT in self.members,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


@dataclass(frozen=True, kw_only=True)
class FakeUser:
    """A person (or a program) in the workspace; `can_be_invited` is False for a guest of one channel."""

    id: str
    name: str
    email: str | None = None
    deleted: bool = False
    is_bot: bool = False
    can_be_invited: bool = True

    def as_json(self, *, with_email: bool) -> Json:
        profile = {"real_name": self.name.title(), "display_name": self.name}
        if with_email and self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": "T0FAKE",
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "profile": profile,
        }


class Workspace:
    """People and channels, and what may be asked about them."""

    def __init__(
        self, channels: Iterable[str | FakeChannel], users: Mapping[str, str], people: Iterable[FakeUser]
    ) -> None:
        given = [one if isinstance(one, FakeChannel) else named(one) for one in channels]
        self.has_any_channel = any(one.name == ANY_CHANNEL for one in given)
        self.channels = {one.id: one for one in given if one.name != ANY_CHANNEL}
        written = (FakeUser(id=id_, name=email.partition("@")[0], email=email) for email, id_ in users.items())
        self.users = {user.id: user for user in (*written, *people)}
        self.tells_email = True

    def channel_of(self, address: str) -> FakeChannel:
        """For what `chat.postMessage` takes as a channel: a name, an id, a user's id."""
        if address in self.channels:
            return self.channels[address]
        if re.fullmatch(r"[UW][A-Z0-9]+", address):
            if not self.has_any_channel and address not in self.users:
                raise Refusal("channel_not_found")
            return self._add(FakeChannel(id=f"D{channel_id(address)[1:]}", name=address, members=[BOT, address]))
        if self.has_any_channel and re.fullmatch(r"[CGD][A-Z0-9]+", address):
            return self._add(FakeChannel(id=address, name=address))
        name = address.removeprefix("#")
        if channel_id(name) in self.channels:
            return self.channels[channel_id(name)]
        if not self.has_any_channel or not name:
            raise Refusal("channel_not_found")
        return self._add(named(name))

    def known(self, body: Json, name: str = "channel") -> FakeChannel:
        """Most methods take ids only: `#name` is not found."""
        if body.get(name) not in self.channels:
            raise Refusal("channel_not_found")
        return self.channels[str(body[name])]

    def _add(self, channel: FakeChannel) -> FakeChannel:
        return self.channels.setdefault(channel.id, channel)

    # people

    def lookup_by_email(self, body: Json) -> Json:
        for user in self.users.values():
            if user.email is not None and user.email == body.get("email"):
                return {"user": user.as_json(with_email=True)}
        raise Refusal("users_not_found")

    def user_info(self, body: Json) -> Json:
        user = self.users.get(str(body.get("user", "")))
        if user is None:
            raise Refusal("user_not_found")
        return {"user": user.as_json(with_email=self.tells_email)}

    # channels

    def list_channels(self, body: Json) -> Json:
        with_archived = body.get("exclude_archived") not in (True, 1, "1", "true", "True")
        kinds = str(body.get("types") or "public_channel").split(",")
        shown = [
            one.as_json()
            for one in self.channels.values()
            if one.id.startswith("C")
            and (with_archived or not one.is_archived)
            and (
                "private_channel" in kinds and BOT in one.members if one.is_private else "public_channel" in kinds
            )
        ]
        page, cursor = page_of(body, shown, most=1000)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def create(self, body: Json) -> Json:
        name = str(body.get("name", ""))
        if not name or len(name) > 80:
            raise Refusal("invalid_name_maxlength" if name else "invalid_name_required")
        if not re.fullmatch(r"[a-z0-9_\-]+", name):
            raise Refusal("invalid_name_specials")
        if channel_id(name) in self.channels:
            raise Refusal("name_taken")
        return {"channel": self._add(named(name)).as_json()}

    def join(self, body: Json) -> Json:
        channel = self.known(body)
        if channel.is_archived:
            raise Refusal("is_archived")
        if channel.is_private:
            raise Refusal("method_not_supported_for_channel_type")
        if BOT not in channel.members:
            channel.members.append(BOT)
        return {"channel": channel.as_json()}

    def set_topic(self, body: Json) -> Json:
        channel = self._of_ours(body)
        if len(str(body.get("topic", ""))) > 250:
            raise Refusal("too_long")
        channel.topic = str(body.get("topic", ""))
        return {"channel": channel.as_json()}

    def invite(self, body: Json) -> Json:
        channel = self._of_ours(body)
        for id_ in str(body.get("users", "")).split(","):
            user = self.users.get(id_)
            if id_ == BOT:
                raise Refusal("cant_invite_self")
            if user is None or user.deleted:
                raise Refusal("user_not_found")
            if not user.can_be_invited:
                raise Refusal("user_is_ultra_restricted")
            if id_ in channel.members:
                raise Refusal("already_in_channel")
            channel.members.append(id_)
        return {"channel": channel.as_json()}

    def _of_ours(self, body: Json) -> FakeChannel:
        channel = self.known(body)
        if channel.is_archived:
            raise Refusal("is_archived")
        if BOT not in channel.members:
            raise Refusal("not_in_channel")
        return channel

    def info(self, body: Json) -> Json:
        channel = self.known(body)
        if channel.is_private and BOT not in channel.members:
            raise Refusal("channel_not_found")
        return {"channel": channel.as_json()}

    def open_direct(self, body: Json) -> Json:
        return {"channel": {"id": self.channel_of(str(body.get("users", ""))).id}}

    def permalink(self, body: Json) -> Json:
        channel, ts = self.known(body), str(body.get("message_ts", ""))
        link = f"https://fake.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": link}


def named(name: str) -> FakeChannel:
    name = name.removeprefix("#")
    return FakeChannel(id=channel_id(name), name=name)


def channel_id(name: str) -> str:
    """The id that a channel's name has here."""
    return f"C{hashlib.sha256(name.encode()).hexdigest()[:10].upper()}"


WORKSPACE_METHODS: dict[str, Callable[[Workspace, Json], Json]] = {
    "users.lookupByEmail": Workspace.lookup_by_email,
    "users.info": Workspace.user_info,
    "conversations.list": Workspace.list_channels,
    "conversations.create": Workspace.create,
    "conversations.join": Workspace.join,
    "conversations.setTopic": Workspace.set_topic,
    "conversations.invite": Workspace.invite,
    "conversations.info": Workspace.info,
    "conversations.open": Workspace.open_direct,
    "chat.getPermalink": Workspace.permalink,
}
