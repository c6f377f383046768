"""What the model of a long session types, and how a session is set up in each of its ways."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from tests.e2e.conftest import SPARES, real_client
from tests.e2e.crew import Crew
from tests.e2e.orchestrator import Cues, Orchestrator, rehearsed
from tests.e2e.test_slash_command import plugin
from tests.places import BUNDLE

LINK = "home/.claude/skills/orchestrate/scripts"
TILDE = "~/.claude/skills/orchestrate/scripts"

AS_WRITTEN = [
    "{S}/capacity",
    "{S}/status --json | head -3",
    "{S}/find-spare 2>&1 | tail -n 2",
    "{S}/capacity && {S}/balance",
    "{S}/capacity --json | jq -r '.spare'",
    "{S}/capacity 2>&1 | grep -c spare | wc -l",
    "timeout 60 {S}/poll-cycle",
    "{S}/history nobody - <<'EOF'\n$(touch x)\nEOF",
]
"""The forms that SKILL.md prescribes, of scripts for which setup offers a rule."""

IN_OTHER_WORDS = [
    "bash {S}/capacity",
    "cd {B} && scripts/capacity",
    "cd /tmp && {S}/find-spare 2>&1 | tail -n 2",
    '{S}/capacity; echo "exit: $?"',
    'W=$({S}/capacity); echo "$W"',
    "{S}/send-agent nobody - <<'EOF'\n`touch x`\nEOF",
    "{S}/update-agent nobody idle_threshold_seconds=600",
    "{S}/wait-event --exit-zero --timeout 0 2>&1 &\n{S}/balance",
]

LINKED = [f"{TILDE}/capacity", f"$HOME/{TILDE[2:]}/capacity", f'"$HOME/{TILDE[2:]}/status"', f"bash {TILDE}/balance"]

AROUND_OTHERS = [
    "curl http://127.0.0.1:9/",
    "{E}/capacity",
    "bash {E}/capacity",
    "cd {E}/.. && scripts/capacity",
    "cd /tmp && {E}/find-spare 2>&1 | tail -n 2",
    '{E}/capacity; echo "exit: $?"',
    "{S}/capacity && {E}/balance",
    "{S}/capacity && curl http://127.0.0.1:9/",
    "W=$({E}/capacity); {S}/capacity",
    "timeout 60 {E}/poll-cycle",
    "{E}/capacity --json | jq -r '.spare'",
    "{E}/send-agent nobody - <<'EOF'\ntext\nEOF",
    "{E}/balance &\n{S}/balance",
    "{S}/capacity > ../out",
    "{S}/capacity | tee ../out",
    "PATH=/tmp:$PATH {S}/capacity",
    "{S}/recycle-agent nobody --force",
    "{S}/interrupt-agent nobody --kill",
]
"""The same forms around what is none of ours (``{E}`` looks like the scripts), and of ours what ends or discards."""


@dataclass(frozen=True)
class Way:
    """``install``: skill or plugin. ``mode``: as the client names it. ``rules``: those of ``setup --yes`` are in the
    settings. ``settings``: what else is in them. ``checked``: auto mode's check gets through, and flags all it sees."""

    install: str
    mode: str
    rules: bool = False
    settings: tuple[tuple[str, object], ...] = ()
    checked: bool = False

    @property
    def forms(self) -> list[str]:
        """What is never asked for. Plan mode, as it checks like auto mode, hears of no hook: the rules alone hold."""
        if self.rules:
            return AS_WRITTEN
        return [*AS_WRITTEN, *IN_OTHER_WORDS, *(LINKED if self.install == "skill" else [])]


def script(lines: list[str], last: str) -> str:
    """What the model does: shell commands one after the other, then its last words."""
    return " ".join(f"[[bash {line}]]" for line in lines).replace("\\", "\\\\") + f" [[say {last}]]"


def cues(way: Way, folder: Path, turns: int) -> Cues:
    """``work N``: three lines of the forms; ``later``: one in the background; ``foreign N``: one of the others."""
    spelled = f"{folder}/{LINK}" if way.install == "skill" else f"{BUNDLE}/scripts"
    known = {"S": spelled, "B": BUNDLE, "E": f"{folder}/evil/scripts"}

    def filled(line: str) -> str:
        for name, path in known.items():
            line = line.replace(f"{{{name}}}", str(path))
        return line

    forms = [filled(form) for form in way.forms]
    found: Cues = [("ARGUMENTS: hello$", "[[say Hello.]]")]
    for turn in range(turns):
        lines = [forms[(3 * turn + at) % len(forms)] for at in range(3)]
        found.append((f"^work {turn}$", script(lines, f"Worked {turn}.")))
    found += [(f"^foreign {at}$", script([filled(line)], "It ran.")) for at, line in enumerate(AROUND_OTHERS)]
    found.append(("^later$", f"[[bgbash {forms[0]}]] [[say Waiting.]]"))
    return [*found, ("<task-notification>", script(forms[:2], "Heard of it."))]


@contextmanager
def session_in(way: Way, turns: int) -> Iterator[Orchestrator]:
    """A session at its prompt, with the bundle installed so."""
    folder = Path(tempfile.mkdtemp(prefix="fe", dir="/tmp"))
    check = {"PRACTICE_MODEL_CHECKS": "."} if way.checked else {}
    stage = Stage(folder, real_client(), extra={**rehearsed(folder, cues(way, folder, turns)), **check})
    session = Orchestrator(Crew(stage, Playground(folder / "git")))
    try:
        stage.home.mkdir()
        session.crew.playground.build(SPARES, stage.environment())
        shutil.copytree(BUNDLE / "scripts", folder / "evil" / "scripts")
        stage.start()
        _install(way, session)
        session.start("--permission-mode", way.mode)
        yield session
    finally:
        session.crew.end()
        shutil.rmtree(folder, ignore_errors=True)


def _install(way: Way, session: Orchestrator) -> None:
    stage = session.crew.stage
    client = stage.home / ".claude"
    if way.install == "skill":
        (client / "skills").mkdir(parents=True)
        (client / "skills" / "orchestrate").symlink_to(BUNDLE)
    else:
        words = ("install", "--yes", "fleetscripts", "--marketplace", str(BUNDLE))
        done = plugin(*words, environment=stage.environment(), cwd=stage.folder)
        assert done.returncode == 0, done.stdout + done.stderr
    if way.rules:
        assert "written" in session.crew.run("setup", "--yes").stdout
    if way.settings:
        file = client / "settings.json"
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        file.write_text(json.dumps({**before, **dict(way.settings)}), encoding="utf-8")


def turns_wanted(fewest: int) -> int:
    """Of a session: FLEET_SESSION_TURNS, for a proof at full length, or these."""
    return int(os.environ.get("FLEET_SESSION_TURNS", fewest))
