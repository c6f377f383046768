"""A real Claude Code that orchestrates for many turns: never asked for our own scripts, always for anything else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from tests.e2e.conftest import SPARES, real_client
from tests.e2e.crew import Crew
from tests.e2e.orchestrator import Cues, Orchestrator, rehearsed
from tests.e2e.test_slash_command import plugin
from tests.places import BUNDLE
from tests.waiting import wait_until

pytestmark = pytest.mark.real_client

S = f"{BUNDLE}/scripts"
SKILL = "~/.claude/skills/orchestrate/scripts"
FORMS = [
    f"{S}/capacity",
    f"{S}/status --json | head -3",
    f"bash {S}/capacity",
    f"cd {BUNDLE} && scripts/capacity",
    f"cd /tmp && {S}/find-spare 2>&1 | tail -n 2",
    f'{S}/capacity; echo "exit: $?"',
    f'W=$({S}/capacity); echo "$W"',
    f"{S}/capacity && {S}/balance",
    f"{S}/capacity --json | jq -r '.spare'",
    f"{S}/capacity 2>&1 | grep -c spare | wc -l",
    f"timeout 60 {S}/capacity",
    f"{S}/history nobody - <<'EOF'\n$(touch x)\nEOF",
]
LINKED = [f"{SKILL}/capacity", f"$HOME/{SKILL[2:]}/capacity", f'"$HOME/{SKILL[2:]}/capacity"', f"bash {SKILL}/capacity"]
FOREIGN = [
    "curl http://127.0.0.1:9/",
    f"{S}/capacity > ../out",
    f"{S}/capacity && curl http://127.0.0.1:9/",
    f"PATH=/tmp:$PATH {S}/capacity",
    f"{S}/capacity | tee ../out",
    f"{S}/recycle-agent nobody --force",
    f"W=$(curl http://127.0.0.1:9/); {S}/capacity",
]


def bash(lines: list[str], last: str) -> str:
    return " ".join(f"[[bash {line}]]" for line in lines).replace("\\", "\\\\") + f" [[say {last}]]"


CUES: Cues = [
    ("ARGUMENTS: hello$", "[[say Hello.]]"),
    ("^all the forms$", bash(FORMS, "All ran.")),
    ("^the linked forms$", bash(LINKED, "Linked ran.")),
    ("^in the background$", f"[[bgbash {S}/capacity]] [[say Waiting.]]"),
    ("<task-notification>", bash(FORMS[:2], "Heard of it.")),
    *((f"^foreign {at}$", bash([line], "Foreign ran.")) for at, line in enumerate(FOREIGN)),
]


MODES = ("default", "acceptEdits", "auto")
"""In plan mode the client has every command checked or asked for, whatever a hook or a rule allows."""


WAYS = [
    pytest.param(
        (way, mode), id=f"{way}-{mode}", marks=() if (way, mode) == ("skill", "default") else pytest.mark.stress
    )
    for way in ("skill", "plugin")
    for mode in MODES
]


@pytest.fixture(params=WAYS)
def session(request: pytest.FixtureRequest) -> Iterator[Orchestrator]:
    """A session with the bundle installed in one of its ways, in one permission mode."""
    way, mode = request.param
    folder = Path(tempfile.mkdtemp(prefix="fe", dir="/tmp"))
    stage = Stage(folder, real_client(), extra=rehearsed(folder, CUES))
    session = Orchestrator(Crew(stage, Playground(folder / "git")))
    try:
        stage.home.mkdir()
        session.crew.playground.build(SPARES, stage.environment())
        stage.start()
        if way == "skill":
            (stage.home / ".claude" / "skills").mkdir(parents=True)
            (stage.home / ".claude" / "skills" / "orchestrate").symlink_to(BUNDLE)
        else:
            words = ("install", "--yes", "fleetscripts", "--marketplace", str(BUNDLE))
            done = plugin(*words, environment=stage.environment(), cwd=folder)
            assert done.returncode == 0, done.stdout + done.stderr
        session.start("--permission-mode", mode)
        session.way = way
        yield session
    finally:
        session.crew.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_calls_of_ours_are_never_asked_for_and_others_always(session: Orchestrator) -> None:
    session.command("/orchestrate hello", "Hello.")
    printed = session.command("all the forms", "All ran.")
    assert len(printed) == len(FORMS), printed
    if session.way == "skill":
        session.command("the linked forms", "Linked ran.")
    session.command("in the background", "Heard of it.")
    session.type("/compact")
    wait_until(lambda: "Compacted" in session.screen(), 60, session.screen)
    assert len(session.command("all the forms", "All ran.")) == len(FORMS)
    for at, line in enumerate(FOREIGN):
        session.type(f"foreign {at}")
        assert session.wait_for("waiting_approval")["dialog"] in ("permission", "menu"), line
        session.crew.stage.tmux("send-keys", "-t", session.pane, "Escape")
        session.wait_for("prompt")
