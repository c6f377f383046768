"""Whatever one agent puts in the places where it can write: the others are seen as always, and in their usual time."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.light_agents import WRAPPER, LightAgent, LightAgents
from tests.places import TmuxServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux: the stage reads /proc")

SECONDS = 15.0
"""For one whole poll-cycle; about half a second is usual, and a reader that waits for a pipe never ends."""


def deep(opening: bytes, closing: bytes, depth: int = 200_000) -> bytes:
    return opening * depth + b"1" + closing * depth


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name[:100])
        if len(path.name) > 100:
            Path(path.name[:100]).rename(path.name)
    finally:
        os.chdir(here)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def content(text: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text)

    return write


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def record(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


NESTED = b'{"type":"assistant","message":{"content":' + deep(b"[", b"]") + b"}}\n"
KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": fifo,
    "socket": unix_socket,
    "folder": lambda path: path.mkdir(),
    "endless device": link_to("/dev/zero"),
    "terminal": link_to("/dev/tty"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": link_to("/nowhere/at/all"),
    "link to a process's memory": link_to("/proc/self/mem"),
    "a terabyte of nothing": sparse,
    "empty": content(b""),
    "lists in lists": content(deep(b"[", b"]") + b"\n"),
    "objects in objects": content(deep(b'{"a":', b"}") + b"\n"),
    "a record with lists in lists": content(NESTED),
    "a hook event with lists in lists": content(
        b'1790000000000000000 %1 {"session_id":' + deep(b"[", b"]") + b"}\n" * 2
    ),
    "a number of ten thousand digits": content(
        b'{"pid":' + b"9" * 10_000 + b',"statusUpdatedAt":' + b"9" * 400 + b"}\n"
    ),
    "not a number": content(b'{"statusUpdatedAt":NaN,"timestamp":Infinity}\n'),
    "no UTF-8": content(b"\xff\xfe{\x80\n" * 100),
    "nulls": content(b"\0" * 100_000 + b"\n"),
    "half a surrogate": content(b'{"type":"user","message":{"role":"user","content":"\\ud800"}}\n'),
    "members of other types": content(
        record(type=[], message=5, sessionId={}, timestamp=[[]], status={}, waitingFor=[], pid="x", payload=[])
        + record(type="assistant", message={"role": 1, "content": [5, None, [], {"type": "text", "text": {}}]})
        + record(type="user", message={"role": "user", "content": {"a": "b"}}, timestamp="9" * 400)
        + record(type="event_msg", payload={"type": "token_count", "rate_limits": [1]}, timestamp=7)
        + record(type="response_item", payload={"type": "message", "role": "assistant", "content": 5})
    ),
    "one line of a hundred thousand objects": content(
        b'{"type":"assistant","message":{"content":[' + b"{}," * 100_000 + b"{}]}}\n"
    ),
    "years that no clock shows": content(
        record(
            type="user",
            message={"role": "user", "content": "x"},
            timestamp="99999-99-99T99:99:99Z",
            statusUpdatedAt=1e300,
        )
    ),
    "a ref that names itself": content(b"ref: HEAD\n"),
}


def transcript(stage: LightAgents, agent: LightAgent) -> Path:
    folder = re.sub(r"[^a-zA-Z0-9]", "-", os.path.realpath(agent.folder))
    return stage.config_dir / "projects" / folder / f"{agent.session_id}.jsonl"


PLACES: dict[str, Callable[[LightAgents, LightAgent], Path]] = {
    "registry": lambda stage, agent: stage.config_dir / "sessions" / f"{agent.pid}.json",
    "transcript": transcript,
    "sub-agent": lambda stage, agent: transcript(stage, agent).with_suffix("") / "subagents" / "agent-1.jsonl",
    "project folder": lambda stage, agent: transcript(stage, agent).parent,
    "hook spool": lambda stage, agent: stage.root / "home" / "fleet" / "spool" / f"{agent.session_id}.log",
    "git pointer": lambda stage, agent: agent.folder / ".git",
    "git head": lambda stage, agent: agent.folder / "dot-git" / "HEAD",
    "settings": lambda stage, agent: agent.folder / ".claude" / "settings.json",
    "rollout": lambda stage, agent: (
        stage.root / "home/.codex/sessions/2026/11/27" / f"rollout-2026-11-27T01-00-00-{agent.session_id}.jsonl"
    ),
    "codex settings": lambda stage, agent: stage.root / "home" / ".codex" / "config.toml",
    "status line": lambda stage, agent: stage.root / "home" / "fleet" / "usage" / "own" / f"{agent.session_id}.json",
}

OF_CODEX = ("rollout", "codex settings")
ALWAYS = ("registry", "transcript", "hook spool", "git head", "rollout")
"""Tried in every run; the other places with the long tests."""


@pytest.fixture
def stage(tmux_server: TmuxServer, home: Path) -> LightAgents:
    tmux_server.new_session(command=["sleep", "9000"])
    stage = LightAgents(tmux_server, home.parent)
    (home.parent / "bin").mkdir(exist_ok=True)
    stage.begin(3)
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": stage.records()}), encoding="utf-8")
    return stage


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=() if place in ALWAYS else pytest.mark.stress) for place in PLACES]
)
def test_a_bad_file_of_one_agent_costs_the_others_nothing(
    place: str, stage: LightAgents, home: Path, run_script: RunScript
) -> None:
    first, *others = stage.agents
    if place in OF_CODEX:
        becomes_codex(stage, first, home)
    path = PLACES[place](stage, first)
    path.parent.mkdir(parents=True, exist_ok=True)
    if place == "git head":
        (first.folder / ".git").write_text(f"gitdir: {path.parent}\n", encoding="utf-8")
    aside = path.with_name("aside")
    if path.exists():
        path.rename(aside)
    wrong = []
    for name, make in KINDS.items():
        make(path)
        began = time.monotonic()
        done = run_script("poll-cycle", timeout=SECONDS * 2)
        took = time.monotonic() - began
        states = [agent["pane_state"] for agent in agents(home)]
        if done.returncode != 0 or took > SECONDS or states[1:] != ["running"] * len(others):
            wrong.append(f"{name}: exit {done.returncode} after {took:.1f} s, {states}, {done.stderr.strip()}")
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    print(f"{place}: {len(KINDS)} kinds of bad file, survived: {len(KINDS) - len(wrong)}")
    assert not wrong, "\n".join(wrong)


def becomes_codex(stage: LightAgents, agent: LightAgent, home: Path) -> None:
    """Another client in its pane, and in its record."""
    client = stage.root / "bin" / "codex"
    client.symlink_to(shutil.which("sleep") or "/bin/sleep")
    stage.server.run("respawn-pane", "-k", "-t", agent.pane_id, "--", "/bin/sh", "-c", WRAPPER, str(client))
    stage.take_pid(agent)
    records = stage.records()
    records[0]["agent"] = "codex"
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": records}), encoding="utf-8")


def agents(home: Path) -> list[dict[str, str]]:
    listed = json.loads((home / "state.json").read_text(encoding="utf-8"))["agents"]
    return [agent.get("seen", agent) for agent in listed]
