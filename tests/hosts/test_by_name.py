"""Agents on another machine by their names from here: begun, read, written to, waited for, gone to."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fleetscripts.practice.host_home import environment_of, playground_of, tmux
from tests.conftest import RunScript
from tests.hosts.central import join
from tests.hosts.linked import LinkedHost, agent
from tests.places import GitRepo, TmuxServer
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]
OBJECTIVE = "Wait for a word. [[say ready and waiting]]"


def _session(alpha: LinkedHost) -> str:
    """A repository and a tmux session there; the repository's folder."""
    alpha.there.variables = {**alpha.there.variables, "FLEET_TMUX_SOCKET": "there"}
    repository = playground_of(alpha.there, 2).repository
    tmux(alpha.there, "-L", "there", "-f", "/dev/null", "new-session", "-d", "-s", "fleet", "-x", "120", "-y", "40")
    return str(repository)


def _begun(make_linked: MakeLinked, run_script: RunScript, *objective: str, **given: str) -> LinkedHost:
    """A machine with an agent on it, begun from here."""
    alpha = make_linked()
    alpha.put()
    alpha.begin()
    words = ["--session", "fleet", "--repo", _session(alpha), "--agent", "practice", "--branch", "task/one"]
    begun = run_script("spawn-agent", "--host", "alpha", *words, *objective, timeout=120, **given)
    assert (begun.returncode, begun.stdout) == (0, "alpha/fleet:1\n"), begun.stderr
    return alpha


def test_an_agent_there_is_begun_shown_written_to_and_gone_to(
    make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    alpha = _begun(make_linked, run_script, "--objective-file", "-", input=OBJECTIVE)
    assert (environment_of(alpha.there)["HOME"], len(alpha.view().fleet.agents)) == (str(alpha.there.home), 1)

    wait_until(lambda: "ready and waiting" in run_script("show", "alpha/fleet:1").stdout)
    sent = run_script("send-agent", "alpha/worktree-1", "-", input="[[say a second word]]")
    assert sent.returncode == 0, sent.stderr
    assert sent.stdout.startswith("alpha/fleet:1 has it")
    wait_until(lambda: "a second word" in run_script("show", "alpha/worktree-1").stdout)

    told = run_script("run-loop", "--host", "alpha")
    assert (told.returncode, "expected --window" in told.stderr) == (2, True)
    loop = run_script("run-loop", "--window", "--host", "alpha", "--session", "fleet")
    assert (loop.returncode, loop.stdout) == (0, "alpha/fleet:2\n"), loop.stderr
    assert run_script("run-loop", "--window", "--host", "alpha").returncode == 3  # one loop for each state file

    nowhere = run_script("attach", "alpha/nope")
    assert (nowhere.returncode, nowhere.stdout) == (1, ""), "as of a name that nothing has here"
    assert "no such window: 'alpha/nope'" in nowhere.stderr
    line = run_script("attach", "alpha/fleet:1").stdout.strip()
    assert line.startswith("ssh -t ")
    pane = tmux_server.new_session(command=["sh", "-c", line])
    wait_until(lambda: "a second word" in tmux_server.screen(pane), what=lambda: tmux_server.screen(pane))
    assert alpha.there.handshakes() <= 2


def test_what_an_agent_there_needs_ends_the_wait_here_and_is_handed_out_once(
    make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    objective = "Ask. [[ask Which colour?|Blue|Green]] [[say thanks]]"
    alpha = _begun(make_linked, run_script, "--objective", objective)
    wait_until(lambda: alpha.call("poll-cycle").exit_code == 0 and _asks(alpha), seconds=30)
    tmux_server.new_session()
    _no_agents_here(alpha)
    waited = run_script("wait-event", "--timeout", "30", timeout=60)
    assert waited.returncode == 0, waited.stderr
    assert waited.stdout.startswith("alpha:\n")
    assert "alpha/fleet:1" in waited.stdout
    assert "Which colour?" in waited.stdout
    assert run_script("wait-event", "--timeout", "1").returncode == 8
    again = run_script("wait-event", "--timeout", "10", "--again", "--json", timeout=60)
    (event,) = json.loads(again.stdout)
    assert (event["host"], event["window"]) == ("alpha", "alpha/fleet:1")
    answered = run_script("answer-dialog", "alpha/fleet:1", "--choose", "Blue", timeout=60)
    assert answered.returncode == 0, answered.stderr
    wait_until(lambda: "thanks" in run_script("show", "alpha/fleet:1").stdout)


def _no_agents_here(alpha: LinkedHost) -> None:
    alpha.settings.state_file.write_text('{"agents": []}', encoding="utf-8")
    alpha.settings.state_file.chmod(0o600)


def _asks(alpha: LinkedHost) -> bool:
    return any(str(known.state) == "waiting_approval" for known in alpha.view().fleet.agents)


def test_before_it_has_a_repository_a_host_says_what_gives_it_one(
    make_linked: MakeLinked, run_script: RunScript, git_repo: GitRepo
) -> None:
    alpha = make_linked()
    join(alpha)
    says = f"no repository is known on this machine yet: tasks_repo in {alpha.fleet_home / 'config.toml'} names one"
    call = "spawn-agent --host alpha --repo DIR"
    shown = run_script("capacity", cwd=git_repo.path).stdout.partition("alpha:\n")[2]
    assert says in shown
    assert call in shown
    for words in (["find-spare"], ["add-spare", "2"], ["capacity"]):
        done = run_script(words[0], "--host", "alpha", *words[1:])
        assert (done.returncode, f"{words[0]}: alpha: {says}" in done.stderr, call in done.stderr) == (1, True, True), (
            done
        )


def test_the_machine_with_the_most_free_worktrees_is_taken(make_linked: MakeLinked, run_script: RunScript) -> None:
    alpha = make_linked()
    alpha.put(agent(1, repository=None), repo="")
    alpha.begin()
    done = run_script("spawn-agent", "--host", "beta", "--branch", "x", "--objective", "y")
    assert done.returncode == 2
    assert "no host" in done.stderr


@pytest.mark.stress
def test_an_agent_there_is_restored_rescued_judged_and_recycled_by_name_and_its_worktrees_are_counted(
    make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer, git_repo: GitRepo
) -> None:
    alpha = make_linked()
    alpha.put()
    alpha.begin()
    repository = _session(alpha)
    alpha.put(repo="", tmux_session="fleet")
    words = ["--session", "fleet", "--repo", repository, "--agent", "practice", "--branch", "task/one"]
    begun = run_script("spawn-agent", "--host", "alpha", *words, "--objective", OBJECTIVE, timeout=120)
    assert begun.returncode == 0, begun.stderr
    tmux_server.new_session()
    _no_agents_here(alpha)
    wait_until(lambda: "ready and waiting" in run_script("show", "alpha/fleet:1").stdout)

    told = json.loads(run_script("capacity", "--json", cwd=git_repo.path).stdout)["hosts"]["alpha"]
    assert [len(told[name]) for name in ("free", "in_use")] == [1, 1], told
    assert json.loads(run_script("heartbeat", "--json", timeout=90).stdout)["hosts"]["alpha"]["decisions"] is not None

    words = ["--session", "fleet", "--agent", "practice", "--branch", "task/two", "--objective", OBJECTIVE]
    second = run_script("spawn-agent", "--host", "any", *words, cwd=git_repo.path, timeout=120)
    assert (second.returncode, second.stdout) == (0, "alpha/fleet:2\n"), second.stderr
    third = run_script("spawn-agent", "--host", "any", *words, cwd=git_repo.path, timeout=120)
    assert (third.returncode, "no machine has a free worktree" in third.stderr) == (3, True), third.stderr
    assert run_script("recycle-agent", "alpha/worktree-2", "--force", timeout=120).returncode == 0

    tmux(alpha.there, "-L", "there", "kill-window", "-t", "=fleet:1")
    restored = run_script("restore-agent", "alpha/worktree-1", timeout=120)
    assert restored.returncode == 0, restored.stderr
    (window,) = [one.window for one in alpha.reached().fleet.agents if one.worktree == "worktree-1"]
    assert f"alpha/{window}" in restored.stdout + restored.stderr
    wait_until(lambda: run_script("send-agent", "alpha/worktree-1", "[[say here again]]").returncode == 0)
    wait_until(lambda: "here again" in run_script("show", "alpha/worktree-1").stdout)

    rescued = run_script("rescue-agent", "alpha/worktree-1", timeout=120)
    assert rescued.returncode == 3, rescued  # it is at no limit, and that is known there alone
    judged = run_script("verify-complete", "alpha/worktree-1", "--json", timeout=60)
    assert (judged.returncode, bool(json.loads(judged.stdout)["gates"])) == (3, True), judged
    recycled = run_script("recycle-agent", "alpha/worktree-1", "--force", timeout=120)
    assert recycled.returncode == 0, recycled.stderr
    wait_until(lambda: {str(one.state) for one in alpha.view().fleet.agents} <= {"recycled"})
    assert json.loads(alpha.settings.state_file.read_text())["agents"] == []
