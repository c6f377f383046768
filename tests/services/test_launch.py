"""Clients started without typing, under every shell, and the shell that stands there when they have ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.kinds import CommandLine
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.services.accounts.programs import executable
from fleetscripts.services.clients.launch import open_window, restart_in, start_of
from tests.places import TmuxServer
from tests.waiting import wait_until

# Tells what it was given, then waits for a line.
CLIENT = """
import os, sys
print("CLIENT", sys.argv[1:], os.environ.get("CLAUDECODE"), os.environ.get("IS_SANDBOX"), os.getcwd(), flush=True)
sys.stdin.readline()
"""
HOSTILE = ("a b", "c'd", "$(touch evil)", "`touch evil`", "#{pid}", "-x", "ünï")


def command() -> CommandLine:
    return CommandLine((sys.executable, "-c", CLIENT, *HOSTILE), {"IS_SANDBOX": "1"}, ("CLAUDECODE",))


def at_prompt_of(tmux_server: TmuxServer, pane: str, shell: str) -> bool:
    """Whether the shell has drawn its prompt: the wrapper before it is an ``sh`` too."""
    drawn = re.search(r"[$#>%] ?$", tmux_server.screen(pane).rstrip("\n ")) is not None
    return drawn and tmux_server.show(pane, "#{pane_current_command}") == shell


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "sh"])
def test_a_client_starts_and_starts_again_whatever_stands_at_the_prompt(
    shell: str, tmux_server: TmuxServer, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    (home / ".zshrc").write_text("PS1='> '\n")
    monkeypatch.setenv("CLAUDECODE", "1")
    folder = tmp_path / "it's a #{folder}"
    folder.mkdir()
    tmux_server.new_session("the fleet", width=200)
    tmux_server.run("set-option", "-g", "default-shell", path)
    tmux = Tmux(tmux_server.socket)
    start = start_of(command(), folder, os.environ)
    facts = open_window(tmux, "the fleet", "w", start)
    pane = facts.pane_id

    def client_shown() -> bool:
        return f"CLIENT {list(HOSTILE)} None 1 {folder}" in tmux_server.screen(pane)

    def shell_stands() -> bool:
        return at_prompt_of(tmux_server, pane, shell)

    wait_until(client_shown, what="the client's first line")
    client = tmux_server.show(pane, "#{pane_current_command}")
    assert client != shell
    with pytest.raises(Refusal):
        restart_in(tmux, facts_of(tmux, pane), start)
    tmux_server.run("send-keys", "-t", pane, "Enter")
    wait_until(shell_stands, what="the shell after the client")
    wait_until(lambda: tmux_server.show(pane, "#{pane_current_path}") == str(folder), what="the same folder")
    tmux_server.run("send-keys", "-t", pane, "-l", "rm -rf 'half typed $(")
    wait_until(lambda: "half typed" in tmux_server.screen(pane), what="the half typed line")
    restart_in(tmux, facts_of(tmux, pane), start)
    wait_until(client_shown, what="the client again")
    assert tmux_server.show(pane, "#{pane_current_command}") == client
    child = wait_until(lambda: children(int(tmux_server.show(pane, "#{pane_pid}"))), what="the client's process")
    os.kill(child[0], signal.SIGKILL)
    wait_until(shell_stands, what="the shell after a killed client")
    assert not list(folder.iterdir())


def test_a_suspended_client_is_continued(tmux_server: TmuxServer, tmp_path: Path) -> None:
    tmux_server.new_session("fleet", width=200)
    tmux = Tmux(tmux_server.socket)
    pane = open_window(tmux, "fleet", "w", start_of(command(), tmp_path, os.environ)).pane_id
    wait_until(lambda: "CLIENT" in tmux_server.screen(pane), what="the client")
    name = tmux_server.show(pane, "#{pane_current_command}")
    tmux_server.run("send-keys", "-t", pane, "C-z")
    wait_until(lambda: "^Z" in tmux_server.screen(pane), what="the key")
    wait_until(lambda: tmux_server.show(pane, "#{pane_current_command}") == name, what="the client in the foreground")


# Reads nothing of what is pasted into its pane.
DEAF = """
import signal, tty
tty.setraw(0)
print("DEAF", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh"])
def test_the_shell_gets_nothing_of_what_a_client_died_before_reading(
    shell: str, tmux_server: TmuxServer, tmp_path: Path, home: Path
) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    (home / ".zshrc").write_text("PS1='> '\n")
    tmux_server.new_session("fleet", width=200)
    tmux_server.run("set-option", "-g", "default-shell", path)
    start = start_of(CommandLine((sys.executable, "-c", DEAF)), tmp_path, os.environ)
    pane = open_window(Tmux(tmux_server.socket), "fleet", "w", start).pane_id
    wait_until(lambda: "DEAF" in tmux_server.screen(pane), what="the client")
    tmux_server.run("set-buffer", "-b", "text", "touch evil\ntouch worse\nexit\n")
    tmux_server.run("paste-buffer", "-d", "-b", "text", "-t", pane)
    child = wait_until(lambda: children(int(tmux_server.show(pane, "#{pane_pid}"))), what="the client's process")
    os.kill(child[0], signal.SIGKILL)
    wait_until(lambda: at_prompt_of(tmux_server, pane, shell), what="the shell")
    tmux_server.run("send-keys", "-t", pane, "touch last", "Enter")
    wait_until((tmp_path / "last").exists, what="what a person types into that shell")
    assert [one.name for one in tmp_path.iterdir() if one.name in ("evil", "worse", "last")] == ["last"]


# Leaves a process of its own group behind that ignores the hang-up, as a killed wrapper of a native client does.
LEAVES_ONE = """
import os, signal, sys
left = os.fork()
if not left:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pause()
print("LEFT", left, flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_client_leaves_of_its_group_is_ended_before_the_shell_stands(
    tmux_server: TmuxServer, tmp_path: Path
) -> None:
    tmux_server.new_session("fleet", width=200)
    start = start_of(CommandLine((sys.executable, "-c", LEAVES_ONE)), tmp_path, os.environ)
    pane = open_window(Tmux(tmux_server.socket), "fleet", "w", start).pane_id
    shown = wait_until(lambda: re.search(r"LEFT (\d+)", tmux_server.screen(pane)), what="the process left behind")
    left = Path(f"/proc/{shown[1]}")
    assert left.exists()
    tmux_server.run("send-keys", "-t", pane, "Enter")
    wait_until(lambda: tmux_server.show(pane, "#{pane_current_command}") == "sh", what="the shell after the client")
    wait_until(lambda: not left.exists() or "\nState:\tZ" in (left / "status").read_text(), 3, "its end")


def test_nothing_is_left_in_the_folder_for_temporary_files(tmux_server: TmuxServer, tmp_path: Path) -> None:
    tmux_server.new_session("fleet", width=200)
    start = start_of(CommandLine((sys.executable, "-c", CLIENT), {"TMPDIR": str(tmp_path)}), tmp_path, os.environ)
    pane = open_window(Tmux(tmux_server.socket), "fleet", "w", start).pane_id
    wait_until(lambda: "CLIENT" in tmux_server.screen(pane), what="the client")
    assert not list(tmp_path.glob("fleet-launch.*"))


def test_an_interrupt_as_the_client_ends_leaves_the_window(tmux_server: TmuxServer, tmp_path: Path) -> None:
    tmux_server.new_session("fleet", width=200)
    pane = open_window(Tmux(tmux_server.socket), "fleet", "w", start_of(command(), tmp_path, os.environ)).pane_id
    wait_until(lambda: "CLIENT" in tmux_server.screen(pane), what="the client")
    wrapper = int(tmux_server.show(pane, "#{pane_pid}"))
    for _ in range(3):
        os.kill(wrapper, signal.SIGINT)
    tmux_server.run("send-keys", "-t", pane, "Enter")
    wait_until(lambda: tmux_server.show(pane, "#{pane_current_command}") == "sh", what="the shell after the client")
    assert tmux_server.show(pane, "#{pane_pid}") == str(wrapper)


def test_a_shell_that_runs_something_behind_is_left_alone(tmux_server: TmuxServer, tmp_path: Path) -> None:
    pane = tmux_server.new_session("fleet", ["sh", "-i"])
    tmux = Tmux(tmux_server.socket)
    with pytest.raises(Refusal, match="make all"):
        restart_in(tmux, facts_of(tmux, pane), start_of(command(), tmp_path, os.environ), ["make all"])


def test_no_value_of_the_environment_is_shown_in_an_argument_list(tmp_path: Path) -> None:
    start = start_of(command(), tmp_path, {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-secret", "OTHER": "x"})
    assert "sk-secret" not in "".join(start.argv)
    origin = {"FLEET_WORKTREE": str(tmp_path)}
    assert start.environment == {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-secret", "IS_SANDBOX": "1"} | origin


def test_a_missing_client_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="expected the claude client on PATH"):
        executable("claude", "", {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    with pytest.raises(FleetError, match="claude_path"):
        executable("claude", "claude", {"PATH": str(tmp_path)})
    assert executable("sh", "", {"PATH": "/bin"}) == "/bin/sh"


def facts_of(tmux: Tmux, pane: str):  # type: ignore[no-untyped-def]
    frame = tmux.read(pane)
    assert frame is not None
    return frame.facts


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
