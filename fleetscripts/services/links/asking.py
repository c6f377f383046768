"""Calls one of our commands on another machine: run once, whatever happens to the link."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from fleetscripts.adapters.records.host_files import HostFiles
from fleetscripts.config import Settings
from fleetscripts.core.hosts import wire
from fleetscripts.core.hosts.remote_calls import refusal
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.invocation import spelled
from fleetscripts.services.hosts.registry import Host
from fleetscripts.services.links.callers import UNREACHABLE
from fleetscripts.services.links.connection import link_socket
from fleetscripts.services.links.processes import keep_links

ANSWER_SECONDS = 120.0
START_SECONDS = 15.0
"""Until a link process that was just started accepts calls."""

MOST_OUTPUT = 16 << 20
PAUSE_SECONDS = 0.02
PIPE_BYTES = 65536


class HostUnreachable(Refusal):
    """The host does not answer. That says nothing about its agents."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A call's result. ``state``: ``done``; ``lost`` if it ran there and its result is unknown; ``refused`` if it was
    not started; ``unknown`` for one that never ran there; ``problem`` says why."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    state: str = "done"
    problem: str = ""


def call(
    settings: Settings,
    host: Host,
    argv: Sequence[str],
    stdin: bytes = b"",
    timeout: float = ANSWER_SECONDS,
    call_id: str = "",
) -> Reply:
    """Run ``argv`` (a command of ours and its arguments) on the host, in its fleet's repository if known, else in its
    user's home. Raises HostUnreachable in one line.

    ``call_id``: 32 hexadecimal digits; the same id means the same call, which is not run again."""
    if problem := refusal(argv):
        raise UsageProblem(problem)
    if len(stdin) > wire.MOST_STDIN:
        raise UsageProblem(f"expected {wire.MOST_STDIN} bytes of input or less for {host.name}, found {len(stdin)}")
    if host.gone_at:
        raise HostUnreachable(f"{host.name} was declared lost: {spelled('hosts add')} it again if it is back")
    call_id, files = call_id or secrets.token_hex(16), host.files(settings)
    files.write_call(call_id, {"argv": list(argv), "at": time.time()})
    reply = ask(settings, host, wire.Call(call_id, tuple(argv), wire.packed(stdin)), timeout)
    settle(files, call_id)
    return reply


def ask(settings: Settings, host: Host, message: wire.Call, timeout: float) -> Reply:
    """This call's result, without words that of a former call. Raises HostUnreachable."""
    deadline = time.monotonic() + timeout
    what = sanitize(message.argv[0]) if message.argv else "that call"
    streams = {"stdout": b"", "stderr": b""}
    try:
        with _connected(settings, host) as connection:
            connection.sendall(wire.encode(message))
            lines = wire.Lines()
            while True:
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                data = connection.recv(PIPE_BYTES)
                if not data:
                    raise ConnectionResetError("its link ended")
                for line in lines.feed(data):
                    answer = wire.decode(line)
                    if isinstance(answer, wire.Output) and answer.stream in streams:
                        streams[answer.stream] += wire.unpacked(answer.data)
                        if len(streams[answer.stream]) > MOST_OUTPUT:
                            raise wire.NoMessage(f"it printed more than {MOST_OUTPUT} bytes")
                    elif isinstance(answer, wire.Reply):
                        with suppress(OSError):  # the host keeps it a day, then
                            connection.sendall(wire.encode(wire.Forget(message.id)))
                        return _reply(host, answer, streams)
    except TimeoutError:
        raise HostUnreachable(_unheard(host, what, f"nothing came in {timeout:g} s")) from None
    except (OSError, wire.NoMessage) as error:
        raise HostUnreachable(_unheard(host, what, str(error))) from error


def _reply(host: Host, answer: wire.Reply, streams: dict[str, bytes]) -> Reply:
    problem = sanitize(answer.problem)
    if answer.state == UNREACHABLE:
        raise HostUnreachable(f"{host.name} cannot be reached: {problem}; nothing was started there")
    return Reply(answer.exit_code, streams["stdout"], streams["stderr"], answer.state, problem)


def _unheard(host: Host, what: str, why: str) -> str:
    later = f"{spelled('hosts check')} {host.name}"
    return f"{what} may have been started on {host.name}, and its result is unknown ({why}): {later} asks for it"


def _connected(settings: Settings, host: Host) -> socket.socket:
    """A connection to the link's process, which is started if none runs."""
    deadline, path = time.monotonic() + START_SECONDS, str(link_socket(settings, host))
    started = False
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                said = host.files(settings).folder / "link.err"
                raise HostUnreachable(
                    f"no link to {host.name} could be started ({error.strerror}; see {said})"
                ) from None
        if not started:
            started = True
            keep_links(settings, [host])
        time.sleep(PAUSE_SECONDS)


def settle(files: HostFiles, call_id: str) -> None:
    """Its result is known."""
    (files.calls / f"{call_id}.json").unlink(missing_ok=True)
