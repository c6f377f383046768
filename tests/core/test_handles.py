"""What a handle means while windows are renumbered, sessions grouped and renamed: the agent, or a refusal."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.core.records.handles import meant
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts, ServerId
from tests.conftest import RunScript
from tests.places import GitRepo, TmuxServer
from tests.waiting import wait_until

SERVER = ServerId("/s", 10, 100)


def pane(number: int, index: int) -> PaneFacts:
    return PaneFacts(f"%{number}", f"@{number}", session="s", window_index=index, command="claude")


def agent(name: str, number: int, index: int) -> Agent:
    return Agent("", name, f"/{name}", spawned_at=number).at(pane(number, index), SERVER)


ALIVE = ("%1", "%2", "%3", "%4", "%7", "%8")
A, B, C = agent("a", 1, 1), agent("b", 2, 2), agent("c", 3, 3)


def test_a_number_counts_while_record_and_tmux_mean_the_same_pane() -> None:
    fleet = Fleet(agents=(A, B, C))
    assert meant(fleet, "s:2", [pane(2, 2)], SERVER, ALIVE) is B
    assert meant(fleet, "s:2", [pane(7, 2), pane(2, 2)], SERVER, ALIVE) is B
    assert meant(fleet, "s:9", [pane(3, 9)], SERVER, ALIVE) is C
    assert meant(fleet, "s:9", [pane(8, 9)], SERVER, ALIVE) is None
    for shown in ([pane(3, 2)], [pane(8, 2)], []):
        with pytest.raises(Refusal, match="s:2 is b in the record, and tmux shows"):
            meant(fleet, "s:2", shown, SERVER, ALIVE)
    assert meant(fleet, "s:2", [], SERVER, ("%1", "%3")) is B


def test_a_number_that_was_anothers_before_the_renumbering_is_nobodys() -> None:
    gone = replace(A, state=AgentState.RECYCLED)
    fleet = Fleet(agents=(gone, B.at(pane(2, 1), SERVER), C.at(pane(3, 2), SERVER)))
    with pytest.raises(Refusal, match="s:2 was b and is c since"):
        meant(fleet, "s:2", [pane(3, 2)], SERVER, ALIVE)
    with pytest.raises(Refusal, match=r"s:1 (is a in the record|was a and is b)"):
        meant(fleet, "s:1", [pane(2, 1)], SERVER, ALIVE)
    fresh = agent("d", 4, 3)
    assert meant(Fleet(agents=(*fleet.agents, fresh)), "s:3", [pane(4, 3)], SERVER, ALIVE) is fresh


def test_ids_of_an_earlier_server_are_not_those_of_this_one() -> None:
    earlier = replace(A, tmux_server=ServerId("/s", 9, 50))
    for target in ("%1", "@1", "s:1"):
        with pytest.raises(Refusal, match=f"{target} is a in the record"):
            meant(Fleet(agents=(earlier,)), target, [pane(1, 1)], SERVER, ALIVE)
        assert meant(Fleet(agents=(earlier,)), target, [], SERVER, ALIVE) is earlier
        assert meant(Fleet(agents=(earlier,)), target, [], None, ()) is earlier


@given(st.permutations([1, 2, 3]), st.permutations([1, 2, 3]), st.sampled_from([1, 2, 3]))
def test_no_number_ever_means_an_agent_that_tmux_does_not_show_there(
    first: list[int], second: list[int], index: int
) -> None:
    """Whatever was seen of two renumberings, the last one unseen."""
    fleet = Fleet(
        agents=tuple(a.at(pane(n, i), SERVER) for n, (a, i) in enumerate(zip((A, B, C), first, strict=True), 1))
    )
    shown = [pane(n, i) for n, i in enumerate(second, 1) if i == index]
    try:
        found = meant(fleet, f"s:{index}", shown, SERVER, ALIVE)
    except FleetError:
        return
    assert found is not None
    assert found.pane_id == shown[0].pane_id
    assert found.earlier_windows == () or found.earlier_windows == (f"s:{index}",)


class ThreeAgents:
    """Three agents in windows 1, 2 and 3 of a session that numbers them anew when one goes."""

    def __init__(self, repo: GitRepo, server: TmuxServer, home: Path) -> None:
        self.server, self.store, self.repo = server, Store(home / "state.json"), repo
        server.new_session("fleet", ["sleep", "900"])
        server.run("set-option", "-g", "renumber-windows", "on")
        tmux = self.tmux = Tmux(server.socket)
        self.paths, agents = repo.add_spares(3), []
        for number, path in enumerate(self.paths, 1):
            repo.git("checkout", "-q", "-b", f"feat/{number}", cwd=path)
            facts = tmux.new_window("fleet", path.name, path, ["sleep", "900"])
            record = Agent("", path.name, str(path), f"spare/{number}", f"feat/{number}", spawned_at=float(number))
            agents.append(record.at(facts, tmux.server()))
        self.agents = tuple(agents)
        self.store.update(lambda _: Fleet(tmux_session="fleet", agents=self.agents), create=Fleet())

    def stands(self, number: int) -> bool:
        """Whether the agent is as it was: its process, its branch, its record."""
        agent = self.agents[number - 1]
        pane = self.tmux.resolve(agent.pane_id)
        branch = self.repo.git("symbolic-ref", "--short", "HEAD", cwd=self.paths[number - 1])
        known = self.store.read().current(agent)
        return (
            pane is not None
            and not pane.dead
            and branch == agent.branch
            and known is not None
            and known.state is not AgentState.RECYCLED
        )


@pytest.fixture
def three(git_repo: GitRepo, tmux_server: TmuxServer, home: Path) -> ThreeAgents:
    return ThreeAgents(git_repo, tmux_server, home)


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize("script", ["recycle-agent", "send-agent", "interrupt-agent", "update-agent", "restore-agent"])
def test_after_a_renumbering_an_old_number_reaches_nobody(
    run_script: RunScript, three: ThreeAgents, polled: bool, script: str
) -> None:
    assert run_script("recycle-agent", "fleet:1", "--force").returncode == 0
    if polled:
        assert run_script("poll-cycle").returncode == 0
    more = {"recycle-agent": ["--force"], "send-agent": ["go on"], "update-agent": ["objective=x"]}.get(script, [])
    for number in (1, 2):
        done = run_script(script, f"fleet:{number}", *more)
        if done.returncode == 0:
            assert "was recycled before" in done.stdout
            continue
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert len([name for name in ("spare-1", "spare-2", "spare-3") if name in done.stderr]) == 2, done.stderr
    assert three.stands(2)
    assert three.stands(3)
    assert "x" not in [agent.objective for agent in three.store.read().agents]


def test_the_worktrees_name_reaches_the_same_agent_whatever_its_number(
    run_script: RunScript, three: ThreeAgents
) -> None:
    for name in ("spare-1", "spare-2", "spare-3"):
        done = run_script("recycle-agent", name, "--force")
        assert done.returncode == 0, done.stderr
        assert f"{name} is on {name.replace('-', '/')}" in done.stdout
    assert [agent.state for agent in three.store.read().agents] == [AgentState.RECYCLED] * 3


def test_a_number_that_another_pane_has_by_now_is_told_with_both(run_script: RunScript, three: ThreeAgents) -> None:
    assert run_script("recycle-agent", "spare-3", "--force").returncode == 0
    if three.tmux.resolve("fleet:3") is None:
        three.tmux.new_window("fleet", "mine", three.repo.path, ["sleep", "900"])
    there = three.tmux.resolve("fleet:3")
    assert there is not None
    said = run_script("classify-pane", "fleet:3", "--explain")
    assert (
        f"fleet:3 was spare-3, whose pane is gone; the pane there now is {there.pane_id}" in said.stdout + said.stderr
    )


def test_a_session_grouped_with_the_fleets_renames_nobody(
    run_script: RunScript, three: ThreeAgents, tmux_server: TmuxServer
) -> None:
    tmux_server.run("new-session", "-d", "-t", "fleet", "-s", "a-look")
    assert run_script("poll-cycle").returncode == 0
    assert [agent.window for agent in three.store.read().agents] == ["fleet:1", "fleet:2", "fleet:3"]
    assert run_script("classify-pane", "a-look:2").returncode in (0, 3)
    assert json.loads(run_script("status", "--json").stdout)


def test_a_place_that_another_record_has_is_not_given_twice(run_script: RunScript, three: ThreeAgents) -> None:
    pane_of_two = three.agents[1].pane_id
    for change in ("window=fleet:2", f"pane_id={pane_of_two}"):
        before = three.store.read()
        done = run_script("update-agent", "spare-1", change)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert "spare-2" in done.stderr
        assert three.store.read() == before
    assert run_script("update-agent", "spare-1", "window=fleet:1").returncode == 0


def test_a_spare_that_a_client_works_in_is_nobodys(
    run_script: RunScript, git_repo: GitRepo, tmux_server: TmuxServer, home: Path
) -> None:
    """Whatever the records say of it."""
    spare, other = git_repo.add_spares(2)
    client = home / "claude"
    client.symlink_to("/bin/sleep")
    (spare / "deep").mkdir()
    tmux_server.new_session("fleet", ["sh", "-c", f"cd {spare}/deep && exec {client} 900"])
    wait_until(lambda: tmux_server.show("fleet:0", "#{pane_current_command}") == "claude")
    assert run_script("find-spare", git_repo.path).stdout == f"{other} spare/2\n"
    assert "claude (pid" in run_script("capacity", git_repo.path).stdout
    words = ["fleet", str(spare), "spare/1", "feat/a", "Do it"]
    refused = run_script("spawn-agent", *words, env={"PATH": f"{home}:{os.environ['PATH']}"})
    assert refused.returncode == 3
    assert "works in it" in refused.stderr
    assert git_repo.git("symbolic-ref", "--short", "HEAD", cwd=spare) == "spare/1"
