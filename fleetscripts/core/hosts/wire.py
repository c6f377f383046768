"""Messages on the one ssh channel: a JSON object per line, all bounded; the other end is not trusted."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from typing import Any, ClassVar, TypeAlias

from fleetscripts import schema
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

SCHEMA = 1
"""Version of these messages. A host with another one is reported and ignored."""

MOST_LINE = 1 << 20
MOST_NOISE = 1 << 16
"""Bytes that shell start-up files there may print before the first line."""

MOST_STDIN = 1 << 19
MOST_EVENT = 1 << 18
MOST_RECORDS = 1_000
"""With MOST_EVENT, the most memory that a host can take here."""

CALL_ID = pattern(r"[0-9a-f]{32}")


class NoMessage(FleetError):
    """The input is not a valid message."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The host's first message. ``server``: its tmux server, empty if none runs; ``clock``: its Unix seconds."""

    kind: ClassVar[str] = "hello"
    schema: int = 0
    version: str = ""
    boot: str = ""
    server: str = ""
    clock: float = 0
    epoch: int = 0
    home: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The agents that exist: all others are gone. Each one's record follows as an event."""

    kind: ClassVar[str] = "snapshot"
    epoch: int = 0
    number: int = 0
    agents: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One agent's record, with ages for instants, as of ``age`` seconds ago; None: the agent is gone."""

    kind: ClassVar[str] = "event"
    epoch: int = 0
    number: int = 0
    agent: str = ""
    record: Mapping[str, Any] | None = None
    age: float = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Top:
    """The state file's top-level fields, and facts of the machine."""

    kind: ClassVar[str] = "top"
    epoch: int = 0
    number: int = 0
    fleet: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] | None = None
    age: float = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a call's output; ``stream`` is ``stdout`` or ``stderr``, ``data`` base64."""

    kind: ClassVar[str] = "output"
    id: str = ""
    stream: str = ""
    data: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """A call's result; comes after all of its output. ``state`` is done, lost, refused or unknown."""

    kind: ClassVar[str] = "reply"
    id: str = ""
    state: str = ""
    exit_code: int = 0
    problem: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One of our commands to run there, once for each id. Without ``argv``: only report that call's result."""

    kind: ClassVar[str] = "call"
    id: str = ""
    argv: tuple[str, ...] = ()
    stdin: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forget:
    """The call's result has arrived: nothing of it need be kept."""

    kind: ClassVar[str] = "forget"
    id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""

    kind: ClassVar[str] = "ping"
    n: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a ping."""

    kind: ClassVar[str] = "pong"
    n: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


Message: TypeAlias = Hello | Snapshot | Event | Top | Output | Reply | Call | Forget | Ping | Pong
KINDS: Mapping[str, type[Any]] = {
    kind.kind: kind for kind in (Hello, Snapshot, Event, Top, Output, Reply, Call, Forget, Ping, Pong)
}


def magic(nonce: str) -> bytes:
    """The host's first line, in every version; anything before it is noise."""
    return f"FLEET-HOST {nonce}".encode()


def encode(message: Message) -> bytes:
    """The message's line; raises NoMessage for one that is too long."""
    members = {one.name: getattr(message, one.name) for one in fields(message) if one.name != schema.UNKNOWN_FIELDS}
    line = json.dumps({"kind": message.kind, **members}, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MOST_LINE:
        raise NoMessage(f"a message of {len(line)} bytes, more than {MOST_LINE}")
    return line


def decode(line: bytes) -> Message | None:
    """The message in a line; None for a kind that a newer release may define. Raises NoMessage."""
    try:
        members = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
        if not isinstance(members, dict) or not isinstance(members.get("kind"), str):
            raise NoMessage("no object with a kind")
        kind = KINDS.get(members.pop("kind"))
        message: Message | None = None if kind is None else schema.read(kind, kind.kind, members)
    except (ValueError, RecursionError, schema.WrongShape) as error:
        raise NoMessage(str(error) or "nested too deeply") from error
    if isinstance(message, Event | Top) and len(line) > MOST_EVENT:
        raise NoMessage(f"a record of {len(line)} bytes")
    if isinstance(message, Snapshot) and len(message.agents) > MOST_RECORDS:
        raise NoMessage(f"{len(message.agents)} agents")
    if isinstance(message, Call | Forget | Output | Reply) and not CALL_ID.fullmatch(message.id):
        raise NoMessage("a call's id that is none")
    return message


def packed(data: bytes) -> str:
    """Bytes as text for a message."""
    return base64.b64encode(data).decode()


def unpacked(data: str) -> bytes:
    """The bytes again; raises NoMessage."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoMessage(f"no base64 ({error})") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


class Lines:
    """Whole lines of a stream that comes in pieces. With a nonce, everything up to its magic line is skipped."""

    def __init__(self, nonce: str = "") -> None:
        self._rest = b""
        self._noise = 0
        self._magic = magic(nonce) if nonce else b""

    @property
    def begun(self) -> bool:
        """Whether the magic line has come."""
        return not self._magic

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete. Raises NoMessage for one that is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._magic:
                self._noise += len(line) + 1
                found = line.rstrip(b"\r").endswith(self._magic)
                self._magic = b"" if found else self._magic
            elif len(line) > MOST_LINE:
                raise NoMessage(f"a line of more than {MOST_LINE} bytes")
            elif line:
                yield line
        if self._magic and self._noise + len(self._rest) > MOST_NOISE:
            raise NoMessage(f"more than {MOST_NOISE} bytes of other text before the first message")
        if len(self._rest) > MOST_LINE:
            raise NoMessage(f"a line of more than {MOST_LINE} bytes")
