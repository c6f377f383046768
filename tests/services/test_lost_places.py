"""Sessions closed, renamed and grouped, panes brought back by others, folders changed: followed, and nobody twice."""

from __future__ import annotations

import json
import os
import signal
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.clients.sessions import session_meant
from tests.conftest import RunScript
from tests.places import SILENT_CLIENT, GitRepo, TmuxServer
from tests.waiting import wait_until


class Crew:
    """Agents in windows of ``fleet``, each a stand-in client on a conversation of its own."""

    def __init__(self, repo: GitRepo, server: TmuxServer, home: Path, count: int = 3) -> None:
        self.repo, self.server, self.home, self.tmux = repo, server, home, Tmux(server.socket)
        self.store = Store(home / "state.json")
        self.client = home / "bin" / "claude"
        self.client.parent.mkdir()
        self.client.write_text(SILENT_CLIENT)
        self.client.chmod(0o755)
        (home / "fleet").mkdir(mode=0o700, exist_ok=True)
        (home / "fleet" / "config.toml").write_text(f'claude_path = "{self.client}"\nstart_timeout_seconds = 1\n')
        (home / "fleet" / "config.toml").chmod(0o600)
        server.new_session("keep", ["sleep", "900"])
        server.new_session("fleet", ["sleep", "900"])
        self.paths = repo.add_spares(count)
        self.agents = tuple(self.open(number, path) for number, path in enumerate(self.paths, 1))
        self.store.update(lambda _: Fleet(tmux_session="fleet", agents=self.agents), create=Fleet())

    def open(self, number: int, path: Path) -> Agent:
        self.repo.git("checkout", "-q", "-b", f"feat/{number}", cwd=path)
        facts = self.tmux.new_window("fleet", path.name, path, ["sleep", "900"])
        known = Agent(
            "", path.name, str(path), f"spare/{number}", f"feat/{number}", "Do it", session_id=str(uuid.uuid4()),
            spawned_at=float(number), id=f"a{number}",
        )  # fmt: skip
        return known.at(facts, self.tmux.server())

    def now(self) -> list[Agent]:
        return list(self.store.read().agents)

    def know_repository(self, index: int) -> str:
        """Its record as a spawn writes it: with its repository. Git's own folder for its worktree."""
        known = Git.in_worktree(str(self.paths[index])).repository
        assert known is not None
        self.store.update(lambda fleet: fleet.change(self.agents[index], repository=known))
        return known.git_dir

    def bring_back(self, agent: Agent, session: str) -> tuple[str, int]:
        """Its client in another pane, as a tool that restores sessions does it."""
        tool = self.home / "bin" / "sleeping" / "claude"
        if not tool.exists():
            tool.parent.mkdir()
            tool.symlink_to("/bin/sleep")
        facts = self.tmux.new_window(session, "back", Path(agent.worktree_path), [str(tool), "900"])
        wait_until(lambda: self.server.show(facts.pane_id, "#{pane_current_command}") == "claude")
        start = Path(f"/proc/{facts.pid}/stat").read_text().rpartition(")")[2].split()[19]
        folder = self.home / ".claude" / "sessions"
        folder.mkdir(parents=True, exist_ok=True)
        record = {"pid": facts.pid, "sessionId": agent.session_id, "cwd": agent.worktree_path, "procStart": start,
                  "status": "idle"}  # fmt: skip
        (folder / f"{facts.pid}.json").write_text(json.dumps(record))
        return facts.pane_id, facts.pid


@pytest.fixture
def crew(git_repo: GitRepo, tmux_server: TmuxServer, home: Path) -> Crew:
    return Crew(git_repo, tmux_server, home)


def test_a_closed_session_is_made_once_and_holds_all_its_agents_again(run_script: RunScript, crew: Crew) -> None:
    crew.server.run("kill-session", "-t", "fleet")
    done = run_script("run-loop", "--once")
    assert done.returncode == 0, done.stderr
    assert list(crew.tmux.sessions()) == ["fleet", "keep"]
    assert {agent.window.rpartition(":")[0] for agent in crew.now()} == {"fleet"}
    assert len({agent.pane_id for agent in crew.now()}) == 3
    assert [agent.attempts.restarts for agent in crew.now()] == [1, 1, 1]


def test_inside_a_claude_session_no_session_is_made_and_no_try_is_counted(run_script: RunScript, crew: Crew) -> None:
    crew.server.run("kill-session", "-t", "fleet")
    for _ in range(4):
        assert run_script("run-loop", "--once", env={"CLAUDECODE": "1"}).returncode == 0
    assert list(crew.tmux.sessions()) == ["keep"]
    assert [agent.attempts.restarts for agent in crew.now()] == [0, 0, 0]
    assert AgentState.ESCALATED not in [agent.state for agent in crew.now()]
    journal = (crew.home / "fleet" / "events.jsonl").read_text()
    assert "new-session -d -s fleet" in journal


def test_a_client_that_somebody_brought_back_is_taken_over_by_the_loop(run_script: RunScript, crew: Crew) -> None:
    first, second, third = crew.agents
    crew.server.run("kill-pane", "-t", first.pane_id)
    pane, pid = crew.bring_back(first, "keep")
    assert run_script("run-loop", "--once").returncode == 0
    taken = crew.now()[0]
    assert (taken.pane_id, taken.window, taken.attempts.restarts) == (pane, "keep:1", 0)
    assert Path(f"/proc/{pid}").exists()
    assert len(crew.tmux.panes()) == 5
    assert [agent.pane_id for agent in crew.now()[1:]] == [second.pane_id, third.pane_id]


def test_nobody_is_resumed_on_another_branch_than_its_own(run_script: RunScript, crew: Crew) -> None:
    first = crew.agents[0]
    crew.repo.git("checkout", "-q", "spare/1", cwd=crew.paths[0])
    crew.server.run("kill-pane", "-t", first.pane_id)
    panes = len(crew.tmux.panes())
    done = run_script("restore-agent", "spare-1")
    assert done.returncode == 3
    assert "its worktree is on spare/1, its work is on feat/1" in done.stderr
    run_script("run-loop", "--once")
    assert len(crew.tmux.panes()) == panes
    assert crew.now()[0].attempts.restarts == 0
    crew.repo.git("checkout", "-q", "--detach", "feat/1", cwd=crew.paths[0])
    assert "its work is on" not in run_script("restore-agent", "spare-1").stderr


@pytest.mark.parametrize("polled", [True, False])
def test_a_renamed_session_is_followed(run_script: RunScript, crew: Crew, polled: bool) -> None:
    if polled:
        assert run_script("poll-cycle").returncode == 0
    crew.server.run("rename-session", "-t", "fleet", "work")
    if polled:
        assert run_script("poll-cycle").returncode == 0
        assert crew.store.read().tmux_session == "work"
    (spare,) = crew.repo.add_spares(1)
    words = ["--session", "fleet", "--branch", "feat/new", "--objective", "Do", "--repo", crew.repo.path]
    said = run_script("spawn-agent", *words)
    assert "no tmux session" not in said.stderr
    assert "start of the client" in said.stderr
    assert crew.repo.git("symbolic-ref", "--short", "HEAD", cwd=spare) == "spare/4"
    loop = run_script("run-loop", "--window")
    assert (loop.returncode, loop.stdout.rpartition(":")[0]) == (0, "work"), loop.stderr
    run_script("stop-fleet", "--yes")


def test_a_session_is_meant_by_the_name_it_was_to_have(run_script: RunScript, crew: Crew) -> None:
    """Tmux puts other signs into some; none of them is a pattern, a part of another name or a number."""
    for name in ("a.b", "v1.2:x", "café au lait", "{last}", "*", "it's", "a;b", "+1", "~", "$1", "@1", "%1", "=x"):
        crew.server.new_session(name, ["sleep", "900"])
        meant = session_meant(crew.tmux, crew.store.read(), name)
        made = crew.tmux.new_window(meant, "w", crew.home, ["sleep", "900"])
        assert made.session == name.replace(".", "_").replace(":", "_")
    crew.repo.add_spares(1)
    words = ["--session", "a.b", "--branch", "feat/new", "--objective", "Do", "--repo", crew.repo.path]
    assert "start of the client" in run_script("spawn-agent", *words).stderr


def test_no_alias_of_tmux_leads_a_client_into_another_folder(run_script: RunScript, crew: Crew) -> None:
    elsewhere = crew.home / "elsewhere"
    elsewhere.mkdir()
    crew.server.run("set-option", "-s", "command-alias[100]", f"new-window=new-window -c {elsewhere}")
    (spare,) = crew.repo.add_spares(1)
    facts = crew.tmux.new_window("fleet", "w", spare, ["sleep", "900"])
    assert Path(f"/proc/{facts.pid}/cwd").readlink() == spare


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("script", ["poll-cycle", "repair-state"])
def test_a_worktree_that_was_moved_under_its_agent_is_followed(
    run_script: RunScript, crew: Crew, script: str, known: bool
) -> None:
    """By git's own folder for it; where the record does not know that, by where its client has been taken along."""
    old, new = crew.paths[1], crew.paths[1].with_name("moved")
    if known:
        crew.know_repository(1)
    crew.repo.git("worktree", "move", str(old), str(new))
    if script == "repair-state":
        dry = run_script(script, "--dry-run")
        assert f"spare-2: its worktree was moved from {old} to {new}" in dry.stdout
        assert crew.now()[1].worktree_path == str(old)
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert [agent.worktree_path for agent in crew.now()] == [str(crew.paths[0]), str(new), str(crew.paths[2])]
    assert crew.now()[1].state is not AgentState.ESCALATED
    assert run_script("recycle-agent", "spare-2", "--force").returncode == 0
    assert crew.repo.git("symbolic-ref", "--short", "HEAD", cwd=new) == "spare/2"


def test_another_folder_that_only_claims_to_be_the_worktree_is_not_followed(run_script: RunScript, crew: Crew) -> None:
    folder = crew.know_repository(1)
    crew.paths[1].rename(crew.paths[1].with_name("away"))
    (Path(folder) / "gitdir").write_text(f"{crew.repo.path}/.git\n")
    assert run_script("poll-cycle").returncode == 0
    assert crew.now()[1].worktree_path == str(crew.paths[1])


def test_agents_of_a_server_that_was_not_asked_are_not_called_lost(run_script: RunScript, crew: Crew) -> None:
    """Neither recorded as gone, nor opened a second time, whatever server this call names."""
    other = TmuxServer(f"o{uuid.uuid4().hex[:8]}")
    other.new_session("fleet", ["sleep", "900"])
    try:
        env: dict[str, str | None] = {"FLEET_TMUX_SOCKET": other.socket}
        before = [(agent.pane_id, agent.tmux_server, agent.state) for agent in crew.now()]
        for words in (["poll-cycle"], ["repair-state"], ["run-loop", "--once"], ["restore-agent", "--all"]):
            run_script(*words, env=env)
            assert [(agent.pane_id, agent.tmux_server, agent.state) for agent in crew.now()] == before, words
        assert len(Tmux(other.socket).panes()) == 1
        assert [agent.attempts.restarts for agent in crew.now()] == [0, 0, 0]
    finally:
        other.kill()


ASKED_IN_VAIN = (
    ["send-agent", "spare-1", "go on"],
    ["interrupt-agent", "spare-1"],
    ["answer-dialog", "spare-1"],
    ["attach", "spare-1"],
    ["restore-agent", "spare-1"],
    ["rescue-agent", "spare-1"],
)


@pytest.mark.parametrize(
    "why",
    ["its socket is gone", "another is named", pytest.param("its socket is another's", marks=pytest.mark.stress)],
)
def test_whoever_cannot_reach_an_agents_server_is_told_how_and_starts_nothing(
    run_script: RunScript, crew: Crew, why: str
) -> None:
    """A server that is not seen is not gone: neither its panes nor its socket are taken from it."""
    server = crew.tmux.require_server()
    other = TmuxServer(f"o{uuid.uuid4().hex[:8]}" if why == "another is named" else crew.server.socket)
    line = f"FLEET_TMUX_SOCKET={server.socket}" if why == "another is named" else f"{server.pid}"
    if why != "another is named":
        Path(server.socket).unlink()
    if why != "its socket is gone":
        other.new_session("fleet", ["sleep", "900"])
    try:
        env: dict[str, str | None] = {"FLEET_TMUX_SOCKET": other.socket}
        spawned = ["spawn-agent", "--branch", "feat/n", "--objective", "x", "--repo", str(crew.repo.path)]
        more = [[*spawned, "--session", "fleet"]] if why == "its socket is gone" else []
        crew.repo.add_spares(1)
        for words in (*ASKED_IN_VAIN, *more):
            done = run_script(*words, env=env)
            assert done.returncode == 3, (words, done.stdout, done.stderr)
            assert line in done.stdout + done.stderr, words
        assert json.loads(run_script("classify-pane", "spare-1", env=env).stdout)["state"] == "unknown"
        assert "reopens its conversation" not in run_script("repair-state", "--dry-run", env=env).stdout
        assert [pane.command for pane in Tmux(other.socket).panes()] == ["sleep"] * (why != "its socket is gone")
        if why == "its socket is gone":
            assert not Path(server.socket).exists()
            os.kill(server.pid, signal.SIGUSR1)
            wait_until(Path(server.socket).exists, what="its socket")
            assert run_script("poll-cycle").returncode == 0
            assert [agent.pane_id for agent in crew.now()] == [agent.pane_id for agent in crew.agents]
    finally:
        other.kill()
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)


def test_a_session_lasts_when_nobody_is_attached_whatever_is_set(run_script: RunScript, crew: Crew) -> None:
    crew.server.run("set-option", "-t", "fleet", "destroy-unattached", "off", ";", "set-option", "-t", "keep",
                    "destroy-unattached", "off", ";", "set-option", "-g", "destroy-unattached", "on")  # fmt: skip
    crew.server.run("kill-session", "-t", "fleet")
    assert run_script("run-loop", "--once").returncode == 0
    assert sorted(crew.tmux.sessions()) == ["fleet", "keep"]
    assert len({pane.pane_id for pane in crew.tmux.panes() if pane.session == "fleet"}) == 4
    assert crew.server.run("show-options", "-t", "fleet", "-v", "destroy-unattached") == "off"


def test_a_fleet_whose_session_was_the_servers_last_is_brought_back_by_the_loop(
    run_script: RunScript, crew: Crew
) -> None:
    crew.server.kill()
    assert run_script("run-loop", "--once").returncode == 0
    assert list(crew.tmux.sessions()) == ["fleet"]
    assert [agent.attempts.restarts for agent in crew.now()] == [1, 1, 1]
    assert len({agent.pane_id for agent in crew.now()}) == 3
