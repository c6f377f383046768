"""Branches of agents on different machines, as they are pushed, are tried against each other where one looks at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.ssh_host import SshClient
from tests.conftest import RunScript
from tests.hosts import central
from tests.hosts.linked import LinkedHost
from tests.places import GitRepo, TmuxServer
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]


def _clone(there: LinkedHost, origin: GitRepo, branch: str, text: str, push: bool = True) -> dict[str, Any]:
    """A clone on the host, its agent's branch with one file written, and the agent's record."""
    folder = there.there.folder / "clone"
    origin.git("clone", "-q", str(origin.root / "origin.git"), str(folder))
    origin.git("checkout", "-q", "-b", branch, cwd=folder)
    return _written(origin, folder, branch, text, push)


def _written(repo: GitRepo, folder: Path, branch: str, text: str, push: bool) -> dict[str, Any]:
    (folder / "list.txt").write_text(text)
    repo.commit(branch, cwd=folder)
    if push:
        repo.git("push", "-q", "origin", branch, cwd=folder)
    url = repo.git("remote", "get-url", "origin", cwd=folder)
    common = repo.git("rev-parse", "--path-format=absolute", "--git-common-dir", cwd=folder)
    recorded = {"git_dir": repo.git("rev-parse", "--absolute-git-dir", cwd=folder), "common_dir": common}
    return {
        "id": "agent1", "window": "fleet:1", "worktree": "tree-1", "worktree_path": str(folder), "branch": branch,
        "state": "running", "repository": {**recorded, "remote": "origin", "url": url, "base_url": url},
    }  # fmt: skip


def test_pushed_branches_of_all_machines_are_compared_and_what_is_not_pushed_is_named(
    make_linked: MakeLinked, home: Path, git_repo: GitRepo, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    alpha, beta, gamma = make_linked("alpha"), make_linked("beta"), make_linked("gamma")
    (git_repo.path / "list.txt").write_text("one\ntwo\n")
    git_repo.commit("A list")
    git_repo.git("push", "-q", "origin", "HEAD:main")
    alpha.put(_clone(alpha, git_repo, "feat/a", "one a\ntwo\n"))
    on_beta = _clone(beta, git_repo, "feat/b", "one b\ntwo\n")
    beta.put(on_beta)
    strange = {**on_beta["repository"], "url": f"ext::sh -c touch% {home}/harm", "base_url": ""}
    gamma.put(
        _clone(gamma, git_repo, "feat/c", "one c\ntwo\n", push=False),
        {**on_beta, "id": "agent2", "window": "fleet:2", "worktree": "tree-2", "repository": strange},
    )
    (git_repo.path / "list.txt").write_text("one\ntwo\n")
    git_repo.git("checkout", "-q", "-b", "feat/here")
    here = _written(git_repo, git_repo.path, "feat/here", "one here\ntwo\n", push=False)
    central.fleet_here(home, {**here, "worktree": "tree-here"})
    for host in (alpha, beta, gamma):
        host.begin()

    found = json.loads(run_script("overlaps", "--json", timeout=120).stdout)
    met = {frozenset(pair["worktrees"]): pair["conflicts"] for pair in found["pairs"]}
    assert met == {
        frozenset({"tree-here", "alpha/tree-1"}): True,
        frozenset({"tree-here", "beta/tree-1"}): True,
        frozenset({"alpha/tree-1", "beta/tree-1"}): True,
    }
    assert sorted(found["left_out"]) == [
        "gamma/tree-1 feat/c: it is not pushed: not compared",
        "gamma/tree-2 feat/b: its repository is not on this machine: not compared",
    ]
    assert not (home / "harm").exists()

    (Path(on_beta["worktree_path"]) / "list.txt").write_text("one b\ntwo b\n")
    git_repo.commit("More", cwd=Path(on_beta["worktree_path"]))
    text = run_script("overlaps", timeout=120).stdout
    assert "alpha/tree-1 feat/a + beta/tree-1 feat/b: conflict in list.txt:1" in text
    assert "beta/tree-1 feat/b: compared as it was pushed, at " in text

    _told_once(run_script, tmux_server)
    central.fleet_here(home)
    of_folder = json.loads(run_script("overlaps", "--json", cwd=git_repo.path, timeout=120).stdout)
    assert [sorted(pair["worktrees"]) for pair in of_folder["pairs"]] == [["alpha/tree-1", "beta/tree-1"]]
    assert json.loads(run_script("overlaps", "--json", "--here", cwd=git_repo.path).stdout)["pairs"] == []


def _told_once(run_script: RunScript, tmux_server: TmuxServer) -> None:
    """The conflicts between machines, by whichever asks first: each to one that can still turn."""
    tmux_server.new_session()
    found = json.loads(run_script("heartbeat", "--json", timeout=120).stdout)["decisions"]
    items = {item["window"]: item["what"] for item in found if item["kind"] == "overlap"}
    assert sum(what.count("with feat/") for what in items.values()) == 3, items
    assert all("list.txt:1" in what for what in items.values())
    again = json.loads(run_script("heartbeat", "--json", timeout=120).stdout)["decisions"]
    assert [item for item in again if item["kind"] == "overlap"] == []


@pytest.mark.stress
def test_a_conflict_between_two_hosts_ends_a_wait_once_and_is_compared_when_a_turn_ends(
    make_linked: MakeLinked, home: Path, git_repo: GitRepo, run_script: RunScript, tmux_server: TmuxServer,
    ssh_client: SshClient,
) -> None:  # fmt: skip
    alpha, beta = make_linked("alpha"), make_linked("beta")
    (git_repo.path / "list.txt").write_text("one\ntwo\n")
    git_repo.commit("A list")
    git_repo.git("push", "-q", "origin", "HEAD:main")
    first = _clone(alpha, git_repo, "feat/a", "one a\ntwo\n")
    later = _clone(beta, git_repo, "feat/b", "one b\ntwo\n") | {"task": {"started_at": 1_790_000_000.0}}
    alpha.put(first | {"seen": {"pane_state": "running", "commit": "1" * 40}})
    beta.put(later | {"seen": {"pane_state": "running", "commit": "2" * 40}})
    central.fleet_here(home)
    tmux_server.new_session()
    for host in (alpha, beta):
        host.begin()
    wait = ["wait-event", "--json", "--timeout"]
    assert run_script(*wait, "1", cwd=git_repo.path).returncode == 8  # nobody's turn has ended
    beta.put(later | {"seen": {"pane_state": "prompt", "commit": "2" * 40}})
    waited = run_script(*wait, "30", cwd=git_repo.path, timeout=90)
    assert waited.returncode == 0, waited.stderr
    (row,) = json.loads(waited.stdout)
    assert (row["action"], row["window"], row["pane_id"]) == ("overlap", "beta/fleet:1", "")
    assert row["reason"] == "its branch conflicts with feat/a (alpha/tree-1) in list.txt:1"
    assert run_script(*wait, "1", cwd=git_repo.path).returncode == 8
    assert _conflicts(run_script, git_repo) == []
    (beta.files.folder / "overlaps_reported.json").write_text("{broken")
    assert [item["window"] for item in _conflicts(run_script, git_repo)] == ["beta/fleet:1"]
    alpha.there.stop()
    alpha.lost()
    assert _conflicts(run_script, git_repo) == []  # who is not heard is not compared
    alpha.there.start(ssh_client.public_key)
    alpha.reached(60)
    assert _conflicts(run_script, git_repo) == []
    alpha.put(first)
    beta.put()
    beta.put({**later, "id": "agent9"})  # another agent in its place
    wait_until(lambda: [one.id for one in beta.view().fleet.agents] == ["agent9"])
    assert [item["window"] for item in _conflicts(run_script, git_repo)] == ["beta/fleet:1"]


def _conflicts(run_script: RunScript, repo: GitRepo) -> list[dict[str, Any]]:
    """Those that a heartbeat tells of."""
    told = run_script("heartbeat", "--json", cwd=repo.path, timeout=90)
    assert told.returncode == 0, told.stderr
    return [item for item in json.loads(told.stdout)["decisions"] if item["kind"] == "overlap"]
