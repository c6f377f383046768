"""Tasks for which there is no room here begin on another machine: each once, whatever happens to the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from fleetscripts.practice.host_home import playground_of, tmux
from fleetscripts.services.spawning.hand_over import hand_over
from fleetscripts.services.tasks.host_tasks import HostTask, host_tasks, note
from tests.conftest import RunScript
from tests.hosts.linked import LinkedHost
from tests.places import TmuxServer
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]
TEXT = "Make it. [[write made.txt yes]] [[commit Make it]] [[push]] [[done]]"


def _ready(alpha: LinkedHost) -> None:
    """A machine with a session, and a repository with two spare worktrees that its tasks are for."""
    alpha.there.variables = {**alpha.there.variables, "FLEET_TMUX_SOCKET": "there"}
    repository = playground_of(alpha.there, 2).repository
    tmux(alpha.there, "-L", "there", "-f", "/dev/null", "new-session", "-d", "-s", "fleet", "-x", "120", "-y", "40")
    alpha.fleet_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    alpha.fleet_home.chmod(0o700)
    config = f'tasks_repo = "{repository}"\nagent = "practice"\n'
    (alpha.fleet_home / "config.toml").write_text(config, encoding="utf-8")
    alpha.put(tmux_session="fleet", repo="acme/widget")
    alpha.settings.state_file.write_text('{"agents": []}', encoding="utf-8")
    alpha.settings.state_file.chmod(0o600)
    alpha.begin()
    wait_until(lambda: alpha.view().facts.get("free_spares") == 2, what=lambda: str(alpha.view().facts))


def _with_one_task(make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer) -> LinkedHost:
    """Such a machine, and here a task that nobody works on."""
    alpha = make_linked()
    _ready(alpha)
    tmux_server.new_session()
    assert run_script("tasks", "add", "one", TEXT, "--agent", "practice").returncode == 0
    return alpha


def test_tasks_fill_the_machines_that_have_room(
    make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    alpha = _with_one_task(make_linked, run_script, tmux_server)
    done = run_script("tasks", "dispatch", timeout=240)
    assert "one: given to alpha: one: begun in " in done.stdout, (done.stdout, done.stderr)
    wait_until(lambda: alpha.view().fleet.agents)
    (task,) = json.loads(run_script("tasks", "list", "--json").stdout)["tasks"]
    assert (task["name"], task["state"], task["window"]) == ("one", "working", "alpha/fleet:1")
    assert run_script("tasks", "dispatch", timeout=240).stdout.count("begun in") == 0
    assert len(alpha.view().fleet.agents) == 1


def test_a_task_whose_arrival_nobody_heard_of_is_asked_for_by_its_own_call(
    make_linked: MakeLinked, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    alpha = _with_one_task(make_linked, run_script, tmux_server)
    given = HostTask("one", "alpha", "ab" * 16)
    note(alpha.settings, given)  # killed right after it was noted, or after it was sent
    assert json.loads(run_script("tasks", "list", "--json").stdout)["tasks"][0]["state"] == "starting"
    (line,) = hand_over(alpha.settings, [], time.time())
    assert line.startswith("one: given to alpha"), line
    assert host_tasks(alpha.settings)["one"].arrived
    note(alpha.settings, given)  # killed before the answer was noted
    (line,) = hand_over(alpha.settings, [], time.time())
    assert line.startswith("one: given to alpha"), line
    assert host_tasks(alpha.settings)["one"].arrived
    wait_until(lambda: alpha.view().fleet.agents)
    assert len(alpha.view().fleet.agents) == 1
