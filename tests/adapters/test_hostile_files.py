"""Whatever one agent puts in the places where it can write: the others are seen as always, and in their usual time."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fleetscripts.agents import codex_session, codex_usage
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


def circle(path: Path) -> None:
    other = path.with_name(f"{path.name[:100]}-other")
    other.unlink(missing_ok=True)
    other.symlink_to(path)
    path.symlink_to(other)


def locked(path: Path) -> None:
    path.write_bytes(b"{}\n")
    path.chmod(0)


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
    "a folder's link": link_to("/"),
    "links in a circle": circle,
    "not to be read": locked,
    "half a record": content(b'{"type":"assistant","message":{"role":"assistant","content":[{"type":"te'),
    "a line without an end": content(b'{"type":"user","a":"' + b"x" * 4_000_000),
    "nothing but ends of lines": content(b"\n" * 1_000_000),
    "many short records": content(b'{"type":"user"}\n{"payload":{}}\n"usage"\n' * 100_000),
    "numbers beyond all ranges": content(
        b'{"pid":-1,"status":"busy","statusUpdatedAt":1e999,"at":-1e308,"usd":-5,"stated":1e400,"startedAt":18446744073709551616,'
        b'"rate_limits":{"five_hour":{"used_percentage":1e999,"resets_at":-1}},"timestamp":-9223372036854775809}\n'
    ),
    "a key many times": content(b"{" + b'"type":"user",' * 50_000 + b'"type":"assistant"}\n'),
    "pointers that lead back": content(b"gitdir: .git\n"),
    "carriage returns and escapes": content(b"\x1b]0;x\x07\x1b[2J\r\x9b31m\r" * 1000),
}


def transcript(stage: LightAgents, agent: LightAgent) -> Path:
    folder = re.sub(r"[^a-zA-Z0-9]", "-", os.path.realpath(agent.folder))
    return stage.config_dir / "projects" / folder / f"{agent.session_id}.jsonl"


def job(agent: LightAgent) -> str:
    return f"{agent.number:08x}"


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
    "cost": lambda stage, agent: stage.root / "home" / "fleet" / "cost" / f"{agent.session_id}.json",
    "usage of an account": lambda stage, agent: stage.root / "home" / "fleet" / "usage" / "other",
    "earlier hook spool": lambda stage, agent: stage.root / "home" / "fleet" / "spool" / f"{agent.session_id}.log.1",
    "registry of no process": lambda stage, agent: stage.config_dir / "sessions" / "424242.json",
    "registry of another process": lambda stage, agent: stage.config_dir / "sessions" / f"{os.getpid()}.json",
    "state of a job": lambda stage, agent: stage.config_dir / "jobs" / job(agent) / "state.json",
    "folder of a job": lambda stage, agent: stage.config_dir / "jobs" / job(agent),
    "other conversation": lambda stage, agent: transcript(stage, agent).with_name(f"{OTHER}.jsonl"),
    "other project": lambda stage, agent: stage.config_dir / "projects" / "-other",
    "sub-agents": lambda stage, agent: transcript(stage, agent).with_suffix("") / "subagents",
    "sub-agents of a workflow": lambda stage, agent: transcript(stage, agent).with_suffix("") / "subagents" / "wf",
    "user settings": lambda stage, agent: stage.config_dir / "settings.json",
    "client's own state": lambda stage, agent: stage.root / "home" / ".claude.json",
    "own settings": lambda stage, agent: agent.folder / ".claude" / "settings.local.json",
    "settings folder": lambda stage, agent: agent.folder / ".claude",
    "instructions": lambda stage, agent: agent.folder / "CLAUDE.md",
    "own instructions": lambda stage, agent: agent.folder / "CLAUDE.local.md",
    "servers": lambda stage, agent: agent.folder / ".mcp.json",
    "files to bring": lambda stage, agent: agent.folder / ".worktreeinclude",
    "template": lambda stage, agent: agent.folder / ".github" / "pull_request_template.md",
    "git common folder": lambda stage, agent: agent.folder / "dot-git" / "commondir",
    "git branch": lambda stage, agent: agent.folder / "dot-git" / "refs" / "heads" / "feat" / "x",
    "git packed refs": lambda stage, agent: agent.folder / "dot-git" / "packed-refs",
    "git message": lambda stage, agent: agent.folder / "dot-git" / "MERGE_MSG",
    "git settings": lambda stage, agent: agent.folder / "dot-git" / "config",
    "other rollout": lambda stage, agent: (
        stage.root / "home/.codex/sessions/2026/11/27" / f"rollout-2026-11-27T02-00-00-{OTHER}.jsonl"
    ),
    "rollouts of a day": lambda stage, agent: stage.root / "home/.codex/sessions/2026/11/28",
    "codex daemon": lambda stage, agent: stage.root / "home" / ".codex" / "app-server-daemon" / "daemon.pid",
}

OTHER = "01a1fb99-0414-4831-b6d5-c37eeebee745"
OF_CODEX = ("rollout", "codex settings", "other rollout", "rollouts of a day", "codex daemon")
OF_A_JOB = ("state of a job", "folder of a job", "registry of no process", "registry of another process")
ALONE = tuple(PLACES)[:11]
"""Tried one after the other, with the long tests; all of them are tried at once in each run."""


@pytest.fixture
def stage(tmux_server: TmuxServer, home: Path) -> LightAgents:
    tmux_server.new_session(command=["sleep", "9000"])
    (home.parent / "bin").mkdir(exist_ok=True)
    return LightAgents(tmux_server, home.parent)


def ready(stage: LightAgents, home: Path, places: Sequence[str]) -> list[Path]:
    """Where each of the first agents has its place, beside which nothing else is wrong, and two more agents."""
    stage.begin(len(places) + 2)
    records = stage.records()
    for place, agent, record in zip(places, stage.agents, records, strict=False):
        if place in OF_CODEX:
            becomes_codex(stage, agent)
            record["agent"] = "codex"
        if place in OF_A_JOB:
            stage.register(agent, "idle", parkedJobId=job(agent))
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": records}), encoding="utf-8")
    paths = [PLACES[place](stage, agent) for place, agent in zip(places, stage.agents, strict=False)]
    for path, agent in zip(paths, stage.agents, strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        if (git := agent.folder / "dot-git").is_dir():
            (agent.folder / ".git").write_text(f"gitdir: {git}\n", encoding="utf-8")
            (git / "HEAD").write_text("ref: refs/heads/feat/x\n", encoding="utf-8")
    for path in paths:
        if os.path.lexists(path):
            path.rename(path.with_name(f"aside-{path.name}"))
    return paths


def why_wrong(name: str, paths: Sequence[Path], home: Path, run_script: RunScript) -> list[str]:
    """What came of a bad file of this kind in each of the places; empty when the two agents without one are seen."""
    for path in paths:
        KINDS[name](path)
    began = time.monotonic()
    done = run_script("poll-cycle", timeout=SECONDS * 2)
    took = time.monotonic() - began
    for path in paths:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    states = [agent["pane_state"] for agent in agents(home)]
    if done.returncode == 0 and took <= SECONDS and states[-2:] == ["running"] * 2:
        return []
    return [f"{name}: exit {done.returncode} after {took:.1f} s, {states}, {done.stderr.strip()}"]


def test_bad_files_in_every_place_at_once_cost_the_other_agents_nothing(
    stage: LightAgents, home: Path, run_script: RunScript
) -> None:
    paths = ready(stage, home, tuple(PLACES))
    wrong = [text for name in KINDS for text in why_wrong(name, paths, home, run_script)]
    print(
        f"{len(KINDS)} kinds of bad file in {len(paths)} places: {len(KINDS) * len(paths)}, not survived: {len(wrong)}"
    )
    assert not wrong, "\n".join(wrong)


@pytest.mark.stress
@pytest.mark.parametrize("place", ALONE)
def test_a_bad_file_of_one_agent_costs_the_others_nothing(
    place: str, stage: LightAgents, home: Path, run_script: RunScript
) -> None:
    paths = ready(stage, home, [place])
    wrong = [text for name in KINDS for text in why_wrong(name, paths, home, run_script)]
    print(f"{place}: {len(KINDS)} kinds of bad file, not survived: {len(wrong)}")
    assert not wrong, "\n".join(wrong)


def becomes_codex(stage: LightAgents, agent: LightAgent) -> None:
    """Another client in its pane."""
    client = stage.root / "bin" / "codex"
    if not client.is_symlink():
        client.symlink_to(shutil.which("sleep") or "/bin/sleep")
    stage.server.run("respawn-pane", "-k", "-t", agent.pane_id, "--", "/bin/sh", "-c", WRAPPER, str(client))
    stage.take_pid(agent)


@pytest.mark.parametrize("name", KINDS)
def test_a_bad_rollout_is_no_conversation_of_anybody(name: str, tmp_path: Path) -> None:
    """What the daemon's rollouts, the newest one and the sub-agents' ones are known by."""
    day = tmp_path / "sessions" / "2026" / "11" / "27"
    day.mkdir(parents=True)
    good = day / f"rollout-2026-11-27T01-00-00-{OTHER}.jsonl"
    meta = {"id": OTHER, "cwd": str(tmp_path)}
    good.write_text(json.dumps({"type": "session_meta", "payload": meta}) + "\n", encoding="utf-8")
    KINDS[name](day / f"rollout-2026-11-27T02-00-00-{OTHER.replace('9', '8')}.jsonl")
    assert codex_session.newest_rollout(tmp_path, tmp_path) == good
    assert codex_usage.used(tmp_path / "fleet", good) == {}


def agents(home: Path) -> list[dict[str, str]]:
    listed = json.loads((home / "state.json").read_text(encoding="utf-8"))["agents"]
    return [agent.get("seen", agent) for agent in listed]
