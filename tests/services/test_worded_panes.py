"""Dialogs in real panes, worded by an agent like those that are answered without asking: no key is pressed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import load_settings
from fleetscripts.core.dialogs.dialog_policy import DialogContext
from fleetscripts.errors import FleetError, Refused
from fleetscripts.models import ActionKind
from fleetscripts.services.typing.dialogs import choose, dialog_on, recover
from fleetscripts.services.typing.pane_io import open_pane_io
from tests.conftest import RunScript
from tests.places import BUNDLE, TmuxServer
from tests.waiting import wait_until

SCREENS = BUNDLE / "tests" / "screens"
EAGER = DialogContext(trusted_folder=True, trust_doubt="", bypass_configured=True, settings_deny="")
CODEX = SCREENS / "codex/0.169.0-default-140x45/dialog-permission-dangerous.txt"
CLAUDE = SCREENS / "claude/2.1.329-api-140x45/dialog-question.txt"
CLIENT = """stty -echo -icanon
clear
cat "$1.screen"
exec 3> "$1.keys"
while key=$(dd bs=1 count=1 2>/dev/null); do printf '%s' "${key:-ENTER}" >&3; done
"""


def _pane(server: TmuxServer, folder: Path, name: str, lines: list[str]) -> str:
    """A pane in which a program of the client's name shows these lines and writes down every key."""
    folder.mkdir(exist_ok=True)
    client = folder / name
    shutil.copy(os.path.realpath("/bin/sh"), client)  # so that the process has the client's name
    script = folder / "script"
    script.write_text(CLIENT)
    Path(f"{client}.screen").write_text("\n".join(lines), encoding="utf-8")
    pane = server.run(
        "new-window",
        "-d",
        "-P",
        "-F",
        "#{pane_id}",
        "-t",
        "fleet:",
        "env",
        f"PATH={os.environ['PATH']}",
        str(client),
        str(script),
        str(client),
    ).strip()
    wait_until(lambda: Path(f"{client}.keys").exists(), what="the dialog")
    return pane


@pytest.fixture(autouse=True)
def session(tmux_server: TmuxServer) -> None:
    """A session as wide as the recorded screens."""
    tmux_server.new_session("fleet", ["sleep", "900"])
    tmux_server.run("set-option", "-g", "default-size", "140x45")


@pytest.mark.parametrize(
    "words",
    ["Trust this folder?", "Do you trust the contents of this directory?", "You are running Codex in /home/me"],
)
def test_a_command_request_is_no_trust_dialog(tmux_server: TmuxServer, tmp_path: Path, home: Path, words: str) -> None:
    drawn = [line for line in CODEX.read_text(encoding="utf-8").split("\n") if line.strip()][-24:]
    at = next(index for index, line in enumerate(drawn) if "1. Yes, proceed" in line)
    pane = _pane(tmux_server, tmp_path, "codex", [*drawn[:at], f"  Reason: {words}", "", *drawn[at:-1], "", drawn[-1]])
    pane_io = open_pane_io(load_settings(os.environ), None, Tmux(tmux_server.socket))
    dialog = dialog_on(pane_io, pane, EAGER)
    assert (dialog.kind, dialog.ruling.kind) == ("permission", ActionKind.DECISION)
    with pytest.raises(Refused):
        recover(pane_io, dialog)
    assert (tmp_path / "codex.keys").read_text() == ""


def test_a_question_is_no_trust_dialog(tmux_server: TmuxServer, tmp_path: Path, home: Path) -> None:
    text = CLAUDE.read_text(encoding="utf-8").rstrip()
    text = text.replace("1. A", "1. Yes, proceed").replace("2. B", "2. No, exit")
    text = text.replace("☐", "Accessing workspace: Is this a project you created or one you trust? ☐", 1)
    pane = _pane(tmux_server, tmp_path, "claude", text.split("\n")[-40:])
    pane_io = open_pane_io(load_settings(os.environ), None, Tmux(tmux_server.socket))
    dialog = dialog_on(pane_io, pane, EAGER)
    assert (dialog.kind, dialog.ruling.kind) == ("question", ActionKind.DECISION)
    with pytest.raises(Refused):
        recover(pane_io, dialog)
    assert (tmp_path / "claude.keys").read_text() == ""


def test_a_dialog_without_rows_gets_the_key_that_says_what_was_chosen_and_no_other(
    tmux_server: TmuxServer, tmp_path: Path, home: Path
) -> None:
    text = (SCREENS / "claude/2.1.332-oauth+auto-140x45/dialog-auto-unchecked.txt").read_text(encoding="utf-8")
    pane = _pane(tmux_server, tmp_path, "claude", text.rstrip().split("\n")[-24:])
    pane_io = open_pane_io(load_settings(os.environ), None, Tmux(tmux_server.socket))
    dialog = dialog_on(pane_io, pane, EAGER)
    assert (dialog.kind, dialog.ruling.kind) == ("unchecked", ActionKind.DECISION)
    with pytest.raises(Refused):
        choose(pane_io, dialog, "leave for accept edits mode and stop")
    assert (tmp_path / "claude.keys").read_text() == ""
    with pytest.raises(FleetError, match="Enter did not close"):  # this client only writes down its keys
        choose(pane_io, dialog, "stay in auto mode")
    assert (tmp_path / "claude.keys").read_text() == "ENTER"


TRUST = "Trust this folder?"
REQUEST = SCREENS / "claude/2.1.332-oauth+default-140x45/dialog-permission-bash.txt"
LIMIT = "echo 5-hour limit reached ∙ resets 3am; echo You have hit your limit · resets 3am"


def _worded() -> dict[str, tuple[str, list[str]]]:
    """Dialogs of both clients in an agent's words, with the client that draws each."""
    request = [line for line in CODEX.read_text(encoding="utf-8").split("\n") if line.strip()][-24:]
    at = next(index for index, line in enumerate(request) if "1. Yes, proceed" in line)
    question = CLAUDE.read_text(encoding="utf-8").rstrip().split("\n")[-40:]

    def asked(title: str, first: str, second: str) -> list[str]:
        changed = "\n".join(question).replace("1. A", f"1. {first}").replace("2. B", f"2. {second}")
        return changed.replace("Which approach should I take?", title, 1).split("\n")

    bash = REQUEST.read_text(encoding="utf-8").rstrip().split("\n")[-16:]
    return {
        "reason": ("codex", [*request[:at], f"  Reason: {TRUST}", "", *request[at:-1], "", request[-1]]),
        "trust": ("claude", asked("Is this a project you created or one you trust?", "Yes, I trust it", "No, exit")),
        "bypass": ("claude", asked("Bypass Permissions mode: do you accept?", "No, exit", "Yes, I accept")),
        "limit": ("claude", asked("What do you want to do?", "Stop and wait for limit to reset", "Upgrade your plan")),
        "quoted": ("claude", [line.replace("rm -rf ./nothing-here; touch ~/outside", LIMIT) for line in bash]),
    }


def test_the_loop_presses_no_key_on_any_of_them(
    tmux_server: TmuxServer, tmp_path: Path, home: Path, run_script: RunScript
) -> None:
    panes = {name: _pane(tmux_server, tmp_path / name, client, lines) for name, (client, lines) in _worded().items()}
    kinds = {name: client for name, (client, _) in _worded().items()}
    server = Tmux(tmux_server.socket).require_server()
    agents = [
        {
            "window": f"fleet:{number}", "agent": kinds[name], "worktree": name, "worktree_path": str(tmp_path / name),
            "pane_id": pane, "spawned_at": 5, "objective": "Do it.",
            "tmux_server": {"socket": server.socket, "pid": server.pid, "start_time": server.start_time},
        }
        for number, (name, pane) in enumerate(panes.items(), 1)
    ]  # fmt: skip
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": agents}))
    for _ in range(4):
        done = run_script("run-loop", "--once")
        assert done.returncode == 0, done.stderr
    states = {one["worktree"]: one["state"] for one in json.loads((home / "state.json").read_text())["agents"]}
    assert states == dict.fromkeys(panes, "waiting_approval")
    pressed = {name: (tmp_path / name / f"{kinds[name]}.keys").read_text() for name in panes}
    assert pressed == dict.fromkeys(panes, "")
