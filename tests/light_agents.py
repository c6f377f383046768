"""Agents that cost nothing: a sleeping process in a real pane, whose files and screen somebody writes for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.places import BUNDLE, TmuxServer
from tests.waiting import wait_until

SCREENS = BUNDLE / "tests" / "screens" / "claude" / "2.1.329-oauth+bypassPermissions-140x45"
WRAPPER = 'set -m; "$0" 90000; exec /bin/sh -i'
"""As a launched client runs: in front while it lives, a shell after it."""


@dataclass
class LightAgent:
    """One of them."""

    number: int
    pane_id: str
    tty: str
    folder: Path
    session_id: str
    pid: int = 0
    start: str = ""


@dataclass
class LightAgents:
    """A server full of them, with a state file that knows each, all in the middle of a turn."""

    server: TmuxServer
    root: Path
    agents: list[LightAgent] = field(default_factory=list)
    only_screen: bool = False
    """Whether they write no registry and no transcript, as a client of an earlier time: see ``keep_silent``."""

    @property
    def config_dir(self) -> Path:
        return self.root / "home" / ".claude"

    def begin(self, count: int) -> None:
        """Fill the server up to this many, each busy; write the state file."""
        client = self.root / "bin" / "claude"
        if not client.exists():
            client.parent.mkdir(exist_ok=True)
            client.symlink_to(shutil.which("sleep") or "/bin/sleep")
            (self.config_dir / "sessions").mkdir(parents=True)
        lines = []
        for number in range(len(self.agents), count):
            folder = self.root / "trees" / f"w{number}"
            folder.mkdir(parents=True)
            lines.append(f"new-window -d -t fleet: -n w{number} -c '{folder}' -- /bin/sh -c '{WRAPPER}' '{client}'")
        self.server.run("source-file", "-", input="\n".join([*lines, ""]))
        rows = self.server.run("list-panes", "-a", "-F", "#{window_name} #{pane_id} #{pane_tty}").splitlines()
        for name, pane, tty in (row.split() for row in rows if re.match(r"w\d+ ", row)):
            number = int(name[1:])
            if number >= len(self.agents):
                session = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.root}{number}"))
                self.agents.append(LightAgent(number, pane, tty, self.root / "trees" / name, session))
        for agent in self.agents:
            self.take_pid(agent)
            self.busy(agent)

    def take_pid(self, agent: LightAgent) -> None:
        """Wait until its process is there."""
        wrapper = int(self.server.show(agent.pane_id, "#{pane_pid}"))

        def clients() -> list[str]:
            children = Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text().split()
            return [child for child in children if b"90000" in Path(f"/proc/{child}/cmdline").read_bytes()]

        child = wait_until(clients, 60, "the process of an agent's pane")[0]
        agent.pid, agent.tty = int(child), self.server.show(agent.pane_id, "#{pane_tty}")
        agent.start = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19]

    def records(self) -> list[dict[str, Any]]:
        """What the state file says of them."""
        pid, started, socket = self.server.show(self.agents[0].pane_id, "#{pid} #{start_time} #{socket_path}").split()
        known = {"socket": socket, "pid": int(pid), "start_time": int(started)}
        return [
            {"window": f"fleet:{agent.number + 1}", "pane_id": agent.pane_id, "tmux_server": known,
             "worktree": agent.folder.name, "worktree_path": str(agent.folder), "branch": f"feat/{agent.number}",
             "objective": "x", "session_id": agent.session_id, "spawned_at": 1.0 + agent.number,
             "task_started_at": 1.0}
            for agent in self.agents
        ]  # fmt: skip

    def draw(self, agent: LightAgent, name: str, clock: str = "") -> None:
        """Its screen, as it was recorded; ``clock``: the time that it tells, in place of the recorded one."""
        lines = (SCREENS / f"{name}.ansi").read_text(encoding="utf-8").rstrip("\n").split("\n")
        lines = [re.sub(r"\b\d+:\d\d[ap]m\b", clock, line) if clock else line for line in lines]
        Path(agent.tty).write_text("\033[H\033[2J" + "\r\n".join(lines), encoding="utf-8")

    def spin(self, agent: LightAgent, tick: int) -> None:
        """One step of its spinner."""
        Path(agent.tty).write_text(f"\0337\033[40;1H{'·✢✳✶✻✽'[tick % 6]}\0338", encoding="utf-8")

    def keep_silent(self, only_screen: bool) -> None:
        """From now on only their screens tell what they do, or their files again."""
        self.only_screen = only_screen
        for folder in ("sessions", "projects"):
            for path in (self.config_dir / folder).rglob("*.json*"):
                path.unlink()

    def register(self, agent: LightAgent, status: str, **more: str) -> None:
        """Its record in the registry, replaced at once."""
        if self.only_screen:
            return
        now = int(time.time() * 1000)
        record = {"pid": agent.pid, "sessionId": agent.session_id, "cwd": str(agent.folder), "procStart": agent.start,
                  "version": "2.1.329", "status": status, "statusUpdatedAt": now, **more}  # fmt: skip
        path = self.config_dir / "sessions" / f"{agent.pid}.json"
        scratch = path.with_suffix(".tmp")
        scratch.write_text(json.dumps(record), encoding="utf-8")
        scratch.replace(path)

    def write(self, agent: LightAgent, *records: Mapping[str, Any]) -> None:
        """More lines of its transcript."""
        if self.only_screen:
            return
        folder = self.config_dir / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", os.path.realpath(agent.folder))
        folder.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with (folder / f"{agent.session_id}.jsonl").open("a", encoding="utf-8") as file:
            for record in records:
                whole = {"isSidechain": False, "timestamp": at, "sessionId": agent.session_id, **record}
                file.write(json.dumps(whole) + "\n")

    def busy(self, agent: LightAgent) -> None:
        self.write(agent, {"type": "user", "message": {"role": "user", "content": "go on"}})
        self.register(agent, "busy")
        self.draw(agent, "busy-streaming")

    def again(self, agent: LightAgent) -> None:
        """In the middle of a turn, whatever became of it."""
        if not Path(f"/proc/{agent.pid}").exists():
            argv = ["/bin/sh", "-c", WRAPPER, str(self.root / "bin" / "claude")]
            self.server.run("respawn-pane", "-k", "-t", agent.pane_id, "--", *argv)
            self.take_pid(agent)
        self.busy(agent)

    def exits(self, agent: LightAgent) -> None:
        os.kill(agent.pid, signal.SIGKILL)

    def asks(self, agent: LightAgent) -> None:
        self.draw(agent, "dialog-question")
        self.register(agent, "waiting", waitingFor="input needed")

    def says(self, agent: LightAgent, text: str) -> None:
        content = [{"type": "text", "text": text}]
        self.write(
            agent,
            {"type": "assistant", "message": {"role": "assistant", "content": content, "stop_reason": "end_turn"}},
            {"type": "system", "subtype": "turn_duration", "durationMs": 1},
        )
        self.register(agent, "idle")

    def stops(self, agent: LightAgent) -> None:
        self.draw(agent, "prompt-after-answer")
        self.says(agent, "I stop here.")

    def finishes(self, agent: LightAgent) -> None:
        self.draw(agent, "complete-marker")
        self.says(agent, "All done.\n\nORCHESTRATOR:DONE")

    def hits_limit(self, agent: LightAgent) -> None:
        resets = datetime.now(UTC).replace(second=0) + timedelta(hours=2, minutes=30)
        clock = f"{resets:%I:%M%p}".lower().lstrip("0")
        text = f"You've hit your 5-hour limit · resets {clock} (UTC)"
        limit = {"status": "rejected", "resetsAt": int(resets.timestamp()), "rateLimitType": "five_hour"}
        message = {"model": "<synthetic>", "role": "assistant", "stop_reason": "stop_sequence",
                   "content": [{"type": "text", "text": text}]}  # fmt: skip
        self.draw(agent, "limit-wall", clock)
        self.write(agent, {"type": "assistant", "message": message, "apiError": "usage_limit_reached",
                           "apiErrorParams": {"rate_limit_info": limit}, "error": "rate_limit",
                           "isApiErrorMessage": True})  # fmt: skip
        self.register(agent, "idle")


HAPPENINGS: Mapping[str, tuple[Callable[[LightAgents, LightAgent], None], str, str]] = {
    "exit": (LightAgents.exits, "idle", "resume"),
    "dialog": (LightAgents.asks, "waiting_approval", "dialog"),
    "wall": (LightAgents.hits_limit, "rate_limited", ""),
    "DONE": (LightAgents.finishes, "complete", "verify"),
    "prompt": (LightAgents.stops, "prompt", ""),
}
"""What may happen to an agent: how, the state it is then in, and the action that the journal then shows, if any."""
