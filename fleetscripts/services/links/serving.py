"""The host's side of a link: reports its agents as they change, and runs calls once. Ends with its channel."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts import __version__
from fleetscripts.adapters.records.call_folder import CallFolder, CallState, sweep
from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.system.folder_news import FolderNews
from fleetscripts.adapters.system.steady_clock import boot_id, steady_seconds
from fleetscripts.config import Settings
from fleetscripts.core.hosts import wire
from fleetscripts.core.hosts.remote_calls import refusal
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Fleet
from fleetscripts.services.central.central import central_folder, note_linked
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.links.change_feed import ChangeFeed
from fleetscripts.services.links.facts import LOOP_RUNS, central_facts, fleet_folder, machine_facts, tmux_server
from fleetscripts.services.single_instance.single_instance import loop_runs

SILENT_SECONDS = 60.0
"""The other end sends a ping every ten seconds: after this silence it is gone."""

FACTS_SECONDS = 30.0
PIPE_BYTES = 65536
_STDIN, _STDOUT = 0, 1


@dataclass
class ChannelServer:
    """One channel, on standard input and output."""

    environ: Mapping[str, str]
    nonce: str
    epoch: int
    _answers: deque[wire.Message] = field(default_factory=deque)
    _replies: deque[Iterator[wire.Message]] = field(default_factory=deque)
    _out: bytes = b""
    _replied: bool = False
    _heard_at: float = 0
    _facts_at: float = -FACTS_SECONDS
    _stamp: object = ()
    _fleet: Fleet = field(default_factory=Fleet)
    _problem: str = ""
    _machine: Mapping[str, object] = field(default_factory=dict)
    _loop: tuple[str | None, str] | None = None

    def __post_init__(self) -> None:
        self._told = ChangeFeed(self.epoch)
        self._wake_out, self._wake_in = os.pipe()
        for descriptor in (_STDIN, _STDOUT, self._wake_out, self._wake_in):
            os.set_blocking(descriptor, False)

    def run(self) -> None:
        """Run until the channel ends, or no ping comes any more."""
        settings = load_settings_here(self.environ)
        self._heard_at = steady_seconds()
        note_linked(settings)
        self._out = wire.magic(self.nonce) + b"\n" + wire.encode(self._hello(settings))
        sweep(settings.fleet_home / "host-calls", time.time())
        state_folder = Path(os.path.realpath(settings.state_file)).parent
        folders = (state_folder, central_folder(settings))
        with contextlib.suppress(OSError):  # a home that cannot be written: what is there can still be reported
            for folder in folders:
                private_folder(folder)
        news = [FolderNews(folder, self._wake) for folder in folders]
        try:
            self._read_state(settings)
            self._told.begin()
            self._serve(settings, news)
        finally:
            for one in news:
                one.close()

    def _serve(self, settings: Settings, news: Sequence[FolderNews]) -> None:
        lines = wire.Lines()
        with selectors.PollSelector() as selector:  # takes files and /dev/null too, where nobody is at the other end
            selector.register(_STDIN, selectors.EVENT_READ)
            selector.register(self._wake_out, selectors.EVENT_READ)
            told_by = {number: one for one in news if (number := one.fileno()) is not None}
            for number in told_by:
                selector.register(number, selectors.EVENT_READ)
            writing = False
            while True:
                now = steady_seconds()
                if now - self._heard_at > SILENT_SECONDS:
                    return
                if now - self._facts_at >= FACTS_SECONDS:
                    self._facts_at = now
                    self._read_state(settings)
                    self._tell_facts(settings)
                wants = bool(self._fill())
                if wants != writing:
                    writing = wants
                    selector.register(_STDOUT, selectors.EVENT_WRITE) if wants else selector.unregister(_STDOUT)
                ready = {key.fd for key, _ in selector.select(FACTS_SECONDS)}
                if steady_seconds() - now > SILENT_SECONDS:
                    return  # we slept, or were stopped: what is in the pipe may be answered elsewhere by now
                if _STDOUT in ready and not self._write():
                    return
                if self._wake_out in ready:
                    os.read(self._wake_out, PIPE_BYTES)
                for number in ready & told_by.keys():
                    told_by[number].take()
                if ready - {_STDIN, _STDOUT}:
                    self._read_state(settings)
                    self._tell_central(settings)
                if _STDIN in ready and not self._hear(settings, lines):
                    return

    def _fill(self) -> bytes:
        """What to write next: results first, then records and replies in turn."""
        if not self._out:
            message = self._answers.popleft() if self._answers else None
            if message is None and self._replied:
                message = self._told.take(steady_seconds())
            if message is None and self._replies:
                message = next(self._replies[0], None)
                if message is None:
                    self._replies.popleft()
                    return self._fill()
            message = message or self._told.take(steady_seconds())
            self._replied = isinstance(message, wire.Output | wire.Reply)
            self._out = b"" if message is None else wire.encode(message)
        return self._out

    def _write(self) -> bool:
        try:
            while self._fill():
                self._out = self._out[os.write(_STDOUT, self._out) :]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _hear(self, settings: Settings, lines: wire.Lines) -> bool:
        """Handle what came; returns whether the channel continues."""
        data = os.read(_STDIN, PIPE_BYTES)
        self._heard_at = steady_seconds()
        try:
            for line in lines.feed(data):
                self._obey(settings, wire.decode(line))
        except wire.NoMessage as error:
            print(f"host: {error}", file=sys.stderr)
            return False
        return bool(data)

    def _obey(self, settings: Settings, message: wire.Message | None) -> None:
        if isinstance(message, wire.Ping):
            note_linked(settings)
            self._answers.append(wire.Pong(message.n))
        elif isinstance(message, wire.Call):
            self._call(settings, message)
        elif isinstance(message, wire.Forget):
            folder = self._folder(settings, message.id)
            if folder.state() is CallState.DONE:
                folder.forget()

    def _call(self, settings: Settings, message: wire.Call) -> None:
        folder, process = self._folder(settings, message.id), None
        if message.argv and folder.state() is CallState.NONE:
            if problem := refusal(message.argv):
                self._answers.append(wire.Reply(message.id, "refused", 3, problem))
                return
            try:
                given, place = wire.unpacked(message.stdin), fleet_folder(settings, self._fleet.agents)
                process = folder.begin(_command(message.argv), given, self.environ, place)
            except (OSError, FleetError) as error:
                why = (error.strerror or error) if isinstance(error, OSError) else error
                self._answers.append(wire.Reply(message.id, "refused", 1, f"it could not be started there: {why}"))
                return
        threading.Thread(target=self._await, args=(folder, process), daemon=True).start()

    def _await(self, folder: CallFolder, process: subprocess.Popen[bytes] | None) -> None:
        """``process``: its runner, if we started it."""
        code = process.wait() if process is not None else 0
        while folder.state() is CallState.RUNNING:
            folder.wait()
        if process is not None and folder.state() is CallState.NONE:
            why = f"it could not be started there: its shell ended before it (code {code})"
            self._replies.append(iter([wire.Reply(folder.folder.name, "refused", 1, why)]))
        else:
            self._replies.append(_reply(folder))
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_in, b".")
        except BlockingIOError:
            return  # it is awake

    def _folder(self, settings: Settings, call_id: str) -> CallFolder:
        return CallFolder(settings.fleet_home / "host-calls" / call_id)

    def _read_state(self, settings: Settings) -> None:
        """The state file's content; while it is damaged, the last valid one."""
        path, steady, wall = settings.state_file, steady_seconds(), time.time()
        stamp = _stamp(path)
        if stamp == self._stamp:
            return
        try:
            self._fleet = Fleet(active=False) if stamp is None else Store(path).read()
            self._told.learn(self._fleet, steady, wall)
            self._stamp = stamp
            self._look_for_loop(settings)
            problem = ""
        except FleetError as error:
            problem = str(error)
        if problem != self._problem:
            self._problem = problem
            self._tell_facts(settings)

    def _tell_facts(self, settings: Settings) -> None:
        known = machine_facts(settings, fleet_folder(settings, self._fleet.agents))
        self._machine = {**known, "problem": self._problem}
        self._tell_central(settings)

    def _tell_central(self, settings: Settings) -> None:
        """What waits for the central, as soon as that has changed."""
        self._told.note({**self._machine, **central_facts(settings)})

    def _look_for_loop(self, settings: Settings) -> None:
        """Whether a loop runs; again when the state file says that one has begun or ended, or may have."""
        place = (self._fleet.loop_window, self._fleet.loop_pane_id)
        if place != self._loop or self._machine.get(LOOP_RUNS) is False:
            self._loop = place
            with contextlib.suppress(FleetError):  # without writable locks nobody can say
                self._machine = {**self._machine, LOOP_RUNS: loop_runs(settings)}

    def _hello(self, settings: Settings) -> wire.Hello:
        return wire.Hello(
            schema=wire.SCHEMA,
            version=__version__,
            boot=boot_id(),
            server=tmux_server(settings),
            clock=time.time(),
            epoch=self.epoch,
            home=str(settings.home),
        )


def _command(argv: tuple[str, ...]) -> list[str]:
    from fleetscripts.services.worktrees.bundle_paths import BUNDLE

    return [sys.executable, "-I", "-X", "utf8", str(BUNDLE / "fleetscripts" / "__main__.py"), *argv]


def _reply(folder: CallFolder) -> Iterator[wire.Message]:
    """All that is known of a call's result."""
    name, state = folder.folder.name, folder.state()
    if state is CallState.DONE:
        for stream in ("stdout", "stderr"):
            for piece in folder.output(stream):
                yield wire.Output(name, stream, wire.packed(piece))
        yield wire.Reply(name, "done", folder.exit_code())
    elif state is CallState.LOST:
        yield wire.Reply(name, "lost", 3, "it was started there, its result is unknown: machine or command went down")
    elif state is CallState.FORGOTTEN:
        yield wire.Reply(name, "done", folder.exit_code(), "its result was received; its output is no longer kept")
    else:
        yield wire.Reply(name, "unknown", 3, "no such call was started there")


def _stamp(path: Path) -> object:
    """The file's version; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
