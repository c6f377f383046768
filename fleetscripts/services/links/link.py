"""The process that holds the one channel to a host: keeps the mirror, forwards calls, and reconnects by itself."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field, fields, replace
from queue import SimpleQueue
from typing import Any

from fleetscripts.adapters.records.host_files import LINK, HostFiles
from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.ssh.ssh import Ssh
from fleetscripts.adapters.system.steady_clock import steady_seconds, this_moment
from fleetscripts.config import Settings
from fleetscripts.core.hosts import wire
from fleetscripts.core.hosts.mirror import Mirror, taken
from fleetscripts.core.planning.backoff import pause_seconds, tries_after
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError
from fleetscripts.services.hosts.mirrors import LinkState, read_link, read_mirror, write_mirror
from fleetscripts.services.hosts.registry import Host, host_named
from fleetscripts.services.links.callers import Callers
from fleetscripts.services.links.channel import Channel, ChannelSilent
from fleetscripts.services.links.connection import link_command, link_socket, ssh_of
from fleetscripts.services.single_instance.single_instance import loop_runs

IDLE_SECONDS = 600.0
"""How long a link stays after the last call if no loop runs."""

WRITE_SECONDS = 0.2
"""Between two writes of the mirror; the first news after a pause is written at once."""

FRESH_SECONDS = 5.0
"""A host that was unreachable this recently is not tried again for a caller."""

AGAIN_SECONDS = 1.0
TICK_SECONDS = 5.0
MOST_WHY = 300


@dataclass
class Link:
    """One host's link. The caller holds its lock."""

    settings: Settings
    host: Host
    stop: bool = False
    _channel: Channel | None = None
    _connecting: bool = False
    _made: SimpleQueue[Channel | FleetError] = field(default_factory=SimpleQueue)
    _tries: int = 0
    _next_try: float = 0
    _broken_at: float = -1e9
    _failed_at: float = -1e9
    """When connecting last failed; a link that was up and broke is retried first."""

    _written_at: float = 0
    _unwritten: bool = False

    def __post_init__(self) -> None:
        self._files: HostFiles = self.host.files(self.settings)
        self._log = LogFile(self._files.log)
        self._ssh: Ssh = ssh_of(self.settings, self.host, self._logged_in)
        self._mirror: Mirror = read_mirror(self._files)[0]
        self._epoch = self._mirror.epoch
        self._state: LinkState = replace(read_link(self._files), online=False, problem="connecting", pid=os.getpid())
        self._asked_at = self._checked_at = steady_seconds()
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._callers = Callers(link_socket(self.settings, self.host), self._selector)

    def run(self) -> None:
        """Run until the host is removed, or nobody needs it."""
        self._note()
        try:
            while not self.stop and self._needed():
                self._turn()
        finally:
            self._callers.close()
            self._broken("its link has ended")

    def _turn(self) -> None:
        self._begin_connecting()
        ready = {key.fileobj: mask for key, mask in self._selector.select(self._patience())}
        if self._wake_out in ready:
            self._wake_out.recv(64)
            self._take(self._made.get())
        if self._callers.serve(ready):
            self._asked_at = steady_seconds()
        try:
            if (channel := self._channel) is not None:
                for message in channel.hear(ready, steady_seconds()):
                    self._hear(channel, message)
                if channel.online_since and not channel.silent(steady_seconds()):
                    self._callers.send_all(channel.send)
                channel.keep_time(steady_seconds())
                channel.flush(self._selector)
        except ChannelSilent as error:
            self._ssh.close()  # whatever holds it open, nothing comes through
            self._broken(str(error))
        except (FleetError, OSError) as error:
            self._broken(str(error))
        if self._channel is None and not self._connecting and steady_seconds() - self._failed_at < FRESH_SECONDS:
            self._callers.refuse_unsent(self._state.problem)
        self._write_mirror(WRITE_SECONDS)

    def _patience(self) -> float:
        """Seconds until there is something to do without an event. The machine's sleep does not count in the wait, so
        it is never long."""
        now, until = steady_seconds(), TICK_SECONDS
        if self._channel is None and not self._connecting:
            until = min(until, self._try_at() - now)
        if self._unwritten:
            until = min(until, self._written_at + WRITE_SECONDS - now)
        return max(0.0, until)

    def _try_at(self) -> float:
        return min(self._next_try, self._broken_at + AGAIN_SECONDS) if self._callers.waiting else self._next_try

    def _begin_connecting(self) -> None:
        if self._channel is None and not self._connecting and steady_seconds() >= self._try_at():
            self._connecting = True
            self._epoch = max(self._epoch, self._mirror.epoch) + 1
            threading.Thread(target=self._connect, args=(self._epoch,), daemon=True).start()

    def _connect(self, epoch: int) -> None:
        """In a thread of its own: a log-in may take long."""
        nonce = secrets.token_hex(8)
        made: Channel | FleetError = FleetError("no connection was made")
        try:
            self._ssh.open()
            made = Channel(self._ssh.channel(link_command(self.host, nonce, epoch)), nonce, epoch, steady_seconds())
        except (FleetError, OSError) as error:
            made = error if isinstance(error, FleetError) else FleetError(str(error))
        finally:
            self._made.put(made)
            self._wake_in.send(b".")

    def _take(self, made: Channel | FleetError) -> None:
        self._connecting = False
        if isinstance(made, FleetError):
            self._broken(str(made))
        else:
            self._channel = made
            made.watch(self._selector)

    def _hear(self, channel: Channel, message: wire.Message) -> None:
        if isinstance(message, wire.Hello):
            if message.schema != wire.SCHEMA:
                here = f"hosts add {self.host.name} {self.host.address} again"
                raise FleetError(f"links of version {message.schema} there, {wire.SCHEMA} here: {here}")
            before = (self._state.hello or {}).get("boot", message.boot)
            if message.boot != before:
                self._log.write("the host was started anew")
            told = {name: getattr(message, name) for name in ("version", "boot", "server", "home")}
            self._state = replace(self._state, hello={**told, "apart_seconds": message.clock - time.time()})
        elif isinstance(message, wire.Output | wire.Reply):
            self._callers.relay(message, channel.send)
        elif isinstance(message, wire.Pong):
            self._note()
        else:
            before, self._mirror = self._mirror, taken(self._mirror, message, steady_seconds())
            self._unwritten = self._unwritten or before is not self._mirror
            if not channel.online_since and self._mirror.epoch == channel.epoch and self._mirror.whole:
                self._online(channel)

    def _online(self, channel: Channel) -> None:
        """Everything has been received."""
        channel.online_since = steady_seconds()
        self._write_mirror(0)
        self._state = replace(self._state, online=True, problem="")
        self._note()
        self._log.write(f"linked after {channel.online_since - channel.began:.2f} s")
        self._callers.send_all(channel.send, again=True)

    def _broken(self, why: str) -> None:
        """The link is down."""
        now, channel, why = steady_seconds(), self._channel, sanitize(why)[:MOST_WHY]
        if channel is not None:
            channel.close(self._selector)
        online = now - channel.online_since if channel is not None and channel.online_since else 0
        self._channel, self._broken_at = None, now
        self._tries = tries_after(self._tries, online)
        self._next_try = now + pause_seconds(self._tries, random.random())
        if self._state.online or self._state.problem != why:
            self._log.write(f"no link: {why}")
        self._state = replace(self._state, online=False, problem=why)
        self._note()
        if not online:
            self._failed_at = now
            self._callers.refuse_unsent(why)

    def _logged_in(self, _line: str) -> None:
        self._state = replace(self._state, handshakes=self._state.handshakes + 1)

    def _write_mirror(self, pause_seconds: float) -> None:
        now = steady_seconds()
        if self._unwritten and now - self._written_at >= pause_seconds:
            self._unwritten, self._written_at = False, now
            try:
                write_mirror(self._files, self._mirror)
            except FleetError as error:
                self._log.write(str(error))

    def _note(self) -> None:
        """Record the link's state, and when the host was last heard from."""
        if self._state.online:
            now = this_moment()
            heard: dict[str, Any] = {"heard_boot": now.boot, "heard_steady": now.steady, "heard_wall": now.wall}
            self._state = replace(self._state, **heard)
        members = {one.name: getattr(self._state, one.name) for one in fields(self._state) if one.name != "extra"}
        with contextlib.suppress(FleetError):  # removed meanwhile, or no room: the next one is written
            self._files.note(LINK, members)

    def _needed(self) -> bool:
        now = steady_seconds()
        if now - self._checked_at < TICK_SECONDS:
            return True
        self._checked_at = now
        try:
            fresh = host_named(self.settings, self.host.name)
        except FleetError:
            return False
        if _places(fresh) != _places(self.host):
            return False  # other places there since it was added anew: who needs it starts another
        return not fresh.gone_at and (now - self._asked_at < IDLE_SECONDS or loop_runs(self.settings))


def _places(host: Host) -> Host:
    """The host without fields that do not matter to its link."""
    return replace(host, added_at=0, drained_at=0, gone_at=0)
