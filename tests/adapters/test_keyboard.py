"""Typing into real panes: only what was meant, only where it was meant, or nothing at all."""

from __future__ import annotations

import os
import pty
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.tmux.keyboard import Guard, cleaned, paste, press
from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.models import PaneFacts
from tests.places import TmuxServer
from tests.waiting import wait_until

# A program that asks for bracketed paste, as the clients do, and writes down every byte it is given.
READER = """
import os, sys, termios, tty
tty.setraw(0)
os.write(1, b"\\x1b[?2004hready\\r\\n")
with open(sys.argv[1], "ab", buffering=0) as log:
    while True:
        log.write(os.read(0, 65536))
"""
PASTED = (b"\x1b[200~", b"\x1b[201~")


@dataclass
class Reader:
    """A pane that runs the reader, and what it has been given."""

    tmux: Tmux
    facts: PaneFacts
    log: Path

    @property
    def guard(self) -> Guard:
        return Guard.of(self.tmux.require_server(), self.facts)

    @property
    def given(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""


@pytest.fixture
def tmux(tmux_server: TmuxServer) -> Tmux:
    tmux_server.new_session("fleet", ["sleep", "900"])
    return Tmux(tmux_server.socket)


@pytest.fixture
def start(tmux: Tmux, tmp_path: Path) -> Callable[[], Reader]:
    def one() -> Reader:
        log = tmp_path / f"given-{len(list(tmp_path.iterdir()))}"
        log.touch()
        made = tmux.new_window("fleet", "reader", tmp_path, [sys.executable, "-c", READER, str(log)])
        wait_until(lambda: "ready" in str(tmux.read(made.pane_id)))
        facts = tmux.resolve(made.pane_id)
        assert facts is not None
        return Reader(tmux, facts, log)

    return one


@pytest.fixture
def reader(start: Callable[[], Reader]) -> Reader:
    return start()


def settled(reader: Reader) -> bytes:
    """Everything the reader was given, once a key pressed after it all has arrived; without that key."""
    guard = reader.guard
    reader.tmux.client.ask("send-keys", "-t", guard.pane_id, "-H", "7f")
    wait_until(lambda: reader.given.endswith(b"\x7f"))
    return reader.given[:-1]


def buffers(tmux: Tmux) -> bytes:
    return tmux.client.ask("list-buffers").stdout


def test_a_long_text_arrives_whole_in_brackets_and_without_enter(tmux: Tmux, reader: Reader) -> None:
    text = "\n".join(f'{n}: it\'s "quoted" `tick` $(touch x) #{{pid}} %H \\ ; é✳ 日本 -t ~' for n in range(400)) + ";"
    assert paste(tmux, reader.guard, text)
    assert settled(reader) == PASTED[0] + text.encode() + PASTED[1]
    assert buffers(tmux) == b""


def test_keys_arrive_in_order(tmux: Tmux, reader: Reader) -> None:
    assert press(tmux, reader.guard, "Escape", "C-u", "y", "1", "Enter")
    assert settled(reader) == b"\x1b\x15y1\r"


def test_a_paste_cannot_be_ended_from_inside(tmux: Tmux, reader: Reader) -> None:
    assert paste(tmux, reader.guard, "a\x1b[201~\rrm -rf /\r\x03\x9b201~\r\n\tb\x7f")
    assert settled(reader) == PASTED[0] + b"a[201~\nrm -rf /\n201~\n\tb" + PASTED[1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda guard: replace(guard, pane_pid=guard.pane_pid + 1), id="another process"),
        pytest.param(lambda guard: replace(guard, pane_id="%0"), id="another pane"),
        pytest.param(lambda guard: replace(guard, pane_id="%99"), id="no such pane"),
        pytest.param(lambda guard: replace(guard, commands=("claude", "node")), id="another command"),
        pytest.param(lambda guard: replace(guard, commands=()), id="no command allowed"),
        pytest.param(lambda guard: replace(guard, commands=("#{pane_current_command}",)), id="a live command"),
        pytest.param(lambda guard: replace(guard, commands=("x},1",)), id="a command that ends the condition"),
        pytest.param(lambda guard: replace(guard, server=replace(guard.server, pid=1)), id="another server"),
        pytest.param(lambda guard: replace(guard, server=replace(guard.server, start_time=1)), id="an earlier server"),
    ],
)
def test_nothing_is_typed_where_the_guard_does_not_hold(
    tmux: Tmux, reader: Reader, change: Callable[[Guard], Guard]
) -> None:
    assert not paste(tmux, change(reader.guard), "hello")
    assert not press(tmux, change(reader.guard), "Enter")
    assert settled(reader) == b""
    assert buffers(tmux) == b""


def test_a_command_may_be_one_of_several(tmux: Tmux, reader: Reader) -> None:
    guard = replace(reader.guard, commands=("claude", reader.facts.command, "node"))
    assert press(tmux, guard, "x")
    assert settled(reader) == b"x"


@pytest.mark.parametrize(
    ("on", "off"),
    [
        pytest.param("copy-mode -t PANE", "copy-mode -q -t PANE", id="copy mode"),
        pytest.param("clock-mode -t PANE", "copy-mode -q -t PANE", id="clock"),
        pytest.param("select-pane -d -t PANE", "select-pane -e -t PANE", id="input off"),
        pytest.param("set -w -t PANE synchronize-panes on", "set -w -t PANE synchronize-panes off", id="synchronised"),
    ],
)
def test_a_pane_that_would_swallow_or_spread_keys_is_left_alone(tmux: Tmux, reader: Reader, on: str, off: str) -> None:
    assert tmux.client.ask(*on.replace("PANE", reader.facts.pane_id).split()).code == 0
    assert not paste(tmux, reader.guard, "hello")
    assert not press(tmux, reader.guard, "Enter")
    assert tmux.client.ask(*off.replace("PANE", reader.facts.pane_id).split()).code == 0
    assert settled(reader) == b""
    assert press(tmux, reader.guard, "a")


def test_synchronised_neighbours_get_nothing(tmux: Tmux, reader: Reader, tmp_path: Path) -> None:
    log = tmp_path / "neighbour"
    log.touch()
    made = tmux.client.ask(
        "split-window",
        "-d",
        "-P",
        "-F",
        "#{pane_id}",
        "-t",
        reader.facts.pane_id,
        sys.executable,
        "-c",
        READER,
        str(log),
    )
    neighbour = made.stdout.decode().strip()
    wait_until(lambda: "ready" in str(tmux.read(neighbour)))
    tmux.client.ask("set-option", "-w", "-t", neighbour, "synchronize-panes", "on")
    assert not press(tmux, reader.guard, "y")
    tmux.client.ask("set-option", "-w", "-t", neighbour, "synchronize-panes", "off")
    assert press(tmux, reader.guard, "n")
    assert settled(reader) == b"n"
    assert log.read_bytes() == b""


def test_a_client_that_exits_between_look_and_paste_gets_nothing_nor_does_the_shell_behind_it(
    tmux: Tmux, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = f'{sys.executable} -c "$1" {log}; exec /bin/sh -i'
    made = tmux.new_window("fleet", "w", tmp_path, ["/bin/sh", "-mc", script, "sh", READER])
    wait_until(lambda: "ready" in str(tmux.read(made.pane_id)))
    facts = tmux.resolve(made.pane_id)
    assert facts is not None
    guard = Guard.of(tmux.require_server(), facts)
    children = Path(f"/proc/{facts.pid}/task/{facts.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    wait_until(lambda: (seen := tmux.resolve(made.pane_id)) and seen.command == "sh")
    assert not paste(tmux, guard, "touch owned\n")
    assert not press(tmux, guard, "Enter")
    assert "touch" not in str(tmux.read(made.pane_id))
    assert not (tmp_path / "owned").exists()


def test_several_clients_attached_and_looking_elsewhere_change_nothing(
    tmux: Tmux, tmux_server: TmuxServer, start: Callable[[], Reader]
) -> None:
    first, second = start(), start()
    with attached(tmux_server, 2) as count:
        wait_until(lambda: tmux_server.run("list-clients").count("\n") + 1 == count)
        tmux_server.run("select-window", "-t", first.facts.window_id)
        tmux_server.run("set-option", "-g", "renumber-windows", "on")
        tmux_server.run("move-window", "-s", second.facts.window_id, "-t", "fleet:9")
        assert paste(tmux, second.guard, "to the second")
        assert press(tmux, second.guard, "Enter")
        assert settled(second) == PASTED[0] + b"to the second" + PASTED[1] + b"\r"
        assert settled(first) == b""


class attached:
    """Real tmux clients on terminals of their own, as long as the block lasts."""

    def __init__(self, server: TmuxServer, count: int) -> None:
        self.server, self.count = server, count
        self.children: list[tuple[int, int]] = []

    def __enter__(self) -> int:
        for _ in range(self.count):
            pid, terminal = pty.fork()
            if pid == 0:
                os.execvp("tmux", ["tmux", "-u", "-L", self.server.socket, "attach", "-t", "fleet"])
            self.children.append((pid, terminal))
        return self.count

    def __exit__(self, *_: object) -> None:
        for pid, terminal in self.children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)


def test_without_a_server_nothing_is_typed(tmux: Tmux, tmux_server: TmuxServer, reader: Reader) -> None:
    guard = reader.guard
    tmux_server.kill()
    with pytest.raises(NoServer):
        paste(tmux, guard, "hello")
    with pytest.raises(NoServer):
        press(tmux, guard, "Enter")


@pytest.mark.parametrize("keys", [(), ("",), ("Enter ; kill-server",), ("-X",), ("hello",), ("Enter", "\n"), ("M-x",)])
def test_only_known_keys_are_pressed(tmux: Tmux, reader: Reader, keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not names of keys"):
        press(tmux, reader.guard, *keys)


@pytest.mark.parametrize("text", ["", "\x1b\x00"])
def test_an_empty_text_is_a_mistake(tmux: Tmux, reader: Reader, text: str) -> None:
    with pytest.raises(ValueError, match="nothing to paste"):
        paste(tmux, reader.guard, text)


@given(st.text())
def test_cleaned_text_holds_no_control_characters_and_loses_nothing_else(text: str) -> None:
    clean = cleaned(text)
    assert not [c for c in clean if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0]
    assert cleaned(clean) == clean
    printable = [c for c in text if ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0]
    assert [c for c in clean if c not in "\n\t"] == printable


@pytest.fixture(autouse=True)
def _no_leftover_buffers(tmux: Tmux) -> Iterator[None]:
    yield
    assert tmux.server() is None or buffers(tmux) == b""
