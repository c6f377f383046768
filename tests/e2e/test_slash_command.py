"""``/orchestrate`` typed into a real Claude Code: the skill reaches the model, and its lines run as it writes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from tests.e2e.conftest import SPARES, real_client
from tests.e2e.crew import Crew
from tests.e2e.orchestrator import Cues, Orchestrator, rehearsed
from tests.places import BUNDLE
from tests.waiting import wait_until

pytestmark = pytest.mark.real_client

SCRIPTS = r"All scripts lie in `(?P<scripts>[^`]+)/`\..*"
STOP = r'\| "stop"[^|]*\| `(?P<stop>[^`]+)`.*'
SPAWN = r"(?P<spawn>/\S+/scripts/spawn-agent) --branch .*"
LOOP = r"`(?P<loop>/[^`]+/scripts/run-loop --window)`.*"
WATCH = r"```bash\n(?P<watch>[^`]*/scripts/(?:poll-cycle|wait-event)[^`]*)\n```.*"


def spawning(letter: str) -> str:
    """The call that SKILL.md shows, with a branch and an objective of its own."""
    options = rf'--branch feat/{letter.lower()} \\\n  --objective "Build part {letter}" --step implement'
    return rf"[[bash \g<spawn> {options}]]"


CUES: Cues = [
    (SCRIPTS + "ARGUMENTS: status$", r"[[bash \g<scripts>/status]] [[bash \g<scripts>/capacity]] [[say Shown.]]"),
    (
        SPAWN + LOOP + "ARGUMENTS: start 2 agents on A, B$",
        rf"{spawning('A')} {spawning('B')} [[bash \g<loop>]] [[say Two at work.]]",
    ),
    (WATCH + "ARGUMENTS: keep watch$", r"[[bgbash \g<watch>]] [[say Watching.]]"),
    (SCRIPTS + STOP + "ARGUMENTS: stop$", r"[[bash \g<scripts>/\g<stop>]] [[say Stopped.]]"),
    (SCRIPTS + "ARGUMENTS: anything else$", r"[[bash \g<scripts>/../tests/run]] [[say Done.]]"),
]


@dataclass(frozen=True)
class Install:
    """A way to install the bundle. ``name``: what the command is called then. ``mode``: the session's permissions."""

    name: str
    mode: str
    scripts: str


INSTALLS = {
    "skill": Install("orchestrate", "default", "{home}/.claude/skills/orchestrate/scripts"),
    "plugin": Install("fleetscripts:orchestrate", "auto", f"{BUNDLE}/scripts"),
}


@pytest.fixture(params=INSTALLS)
def installed(request: pytest.FixtureRequest) -> Iterator[tuple[Install, Orchestrator]]:
    """A session with the bundle installed, at its prompt."""
    folder = Path(tempfile.mkdtemp(prefix="fe", dir="/tmp"))
    stage = Stage(folder, real_client(), extra=rehearsed(folder, CUES))
    session = Orchestrator(Crew(stage, Playground(folder / "git")))
    install: Install = INSTALLS[request.param]
    try:
        stage.home.mkdir()
        session.crew.playground.build(SPARES, stage.environment())
        stage.start()
        if request.param == "skill":
            (stage.home / ".claude" / "skills").mkdir(parents=True)
            (stage.home / ".claude" / "skills" / "orchestrate").symlink_to(BUNDLE)
        else:
            words = ("install", "--yes", "fleetscripts", "--marketplace", str(BUNDLE))
            done = plugin(*words, environment=stage.environment(), cwd=folder)
            assert done.returncode == 0, done.stdout + done.stderr
        session.start("--permission-mode", install.mode)
        yield install, session
    finally:
        session.crew.end()
        shutil.rmtree(folder, ignore_errors=True)


def plugin(*words: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """``claude plugin …`` with no network at all. Nobody is logged in: for an account it would ask its maker first."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    argv = [*unshare, str(real_client()), "plugin", *words]
    alone = {name: value for name, value in environment.items() if name != "CLAUDE_CODE_OAUTH_TOKEN"}
    return subprocess.run(argv, env=alone, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("manifest", ["", ".claude-plugin/plugin.json"])
def test_the_client_finds_nothing_to_warn_of_in_the_bundle(manifest: str, tmp_path: Path) -> None:
    environment = {**os.environ, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    done = plugin("validate", "--strict", "--json", str(BUNDLE / manifest), environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["success"], found["strict"]) == (True, True)
    assert found["provides"]["skills"] == ["fleetscripts:orchestrate"]


def test_the_fleet_is_shown_started_watched_and_stopped(installed: tuple[Install, Orchestrator]) -> None:
    install, session = installed
    crew = session.crew
    shown = session.command("/orchestrate status", "Shown.")
    skill = next(text for text in session.heard() if "# Orchestrate" in text)
    assert f"All scripts lie in `{install.scripts.format(home=crew.stage.home)}/`" in skill
    assert "${CLAUDE_SKILL_DIR}" not in skill
    assert any(f"<command-name>/{install.name}</command-name>" in text for text in session.heard())
    assert any(f"- {install.name}: Meta-agent supervisor" in text for text in session.heard()), "the head was read"
    assert "spare/1" in shown[1], shown

    started = session.command("/orchestrate start 2 agents on A, B", "Two at work.")
    agents = [crew.agent(window) for window in started[:2]]
    assert [agent["branch"] for agent in agents] == ["feat/a", "feat/b"]
    for agent in agents:
        assert any(f"Build part {agent['branch'][-1].upper()}" in text for text in crew.said(agent["window"], "user"))
        assert crew.pid(agent["window"])
    assert fleet(crew)["loop_window"] == started[2]
    shown = session.command("/orchestrate status", "Shown.")
    assert all(agent["window"] in shown[0] for agent in agents), shown

    session.command("/orchestrate keep watch", "Watching.")
    session.command("/orchestrate stop", "Stopped.")
    assert fleet(crew)["active"] is False
    wait_until(lambda: fleet(crew)["loop_window"] is None, 20, lambda: f"the loop's end\n{crew.screens()}")
    assert all(crew.pid(agent["window"]) for agent in agents), "stopping the fleet ends no agent"


def fleet(crew: Crew) -> dict[str, object]:
    """The state file."""
    read: dict[str, object] = json.loads((crew.stage.folder / "state.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("installed", ["skill"], indirect=True)
def test_only_what_the_skill_allows_runs_without_a_question(installed: tuple[Install, Orchestrator]) -> None:
    _, session = installed
    session.type("/orchestrate anything else")
    assert session.wait_for("waiting_approval")["dialog"] == "permission"
