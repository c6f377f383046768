"""A stage whose clients work on several accounts, each with a token of its own."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleetscripts.practice.playground import Playground
from tests.e2e.conftest import program_of
from tests.e2e.crew import Crew
from tests.places import BUNDLE
from tests.practice.real_codex import CODEX, real_stage
from tests.records import flat
from tests.waiting import wait_until

CONFIG = "notify_desktop = false\nidle_threshold_seconds = 900\n"
TOKENS: Mapping[str, str] = {"work": "sk-ant-oat01-WORK", "spare": "sk-ant-oat01-SPARE"}


@contextmanager
def crew_on_accounts(
    kind: str, spares: int, tokens: Mapping[str, str] = TOKENS, program: Path | None = None
) -> Iterator[Crew]:
    """Spare worktrees, and accounts by name with their tokens. ``program``: the client, in place of the usual one."""
    folder = Path(tempfile.mkdtemp(prefix="fr", dir="/tmp"))
    made = Crew(real_stage(folder, program or program_of(kind)), Playground(folder / "git"))
    try:
        made.stage.home.mkdir()
        (folder / "fleet").mkdir()
        (folder / "fleet" / "config.toml").write_text(CONFIG, encoding="utf-8")
        entries = [entry(folder, name, token, made.stage.kind) for name, token in tokens.items()]
        file = folder / "fleet" / "accounts.toml"
        file.write_text("\n".join(entries), encoding="utf-8")
        file.chmod(0o600)
        made.playground.build(spares, made.stage.environment())
        made.stage.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def entry(folder: Path, name: str, token: str, kind: str) -> str:
    """One account of accounts.toml, its token in a file of its own."""
    file = folder / f"{name}.token"
    file.write_text(token, encoding="utf-8")
    file.chmod(0o600)
    secret = f'{{ file = "{file}" }}'
    given = f"environment = {{ PRACTICE_MODEL_KEY = {secret} }}" if kind == CODEX.kind else f"token = {secret}"
    return f'[[account]]\nname = "{name}"\nagent = "{kind}"\n{given}\n'


def bring_codex(crew: Crew) -> None:
    """Codex too can work on this stage, beside Claude Code; ``list_codex`` gives it an account."""
    stage, folder = crew.stage, crew.stage.folder
    model = ("env", f"PYTHONPATH={BUNDLE}", sys.executable, "-m", CODEX.model, "--port-file", f"{folder}/codex-port")
    stage.tmux("new-window", "-d", *model)
    wait_until(lambda: (folder / "codex-port").exists(), 20, "the other model")
    CODEX.configure(folder, int((folder / "codex-port").read_text(encoding="utf-8")))
    stage.extra = {**stage.extra, **CODEX.environment(folder)}


def list_codex(crew: Crew) -> None:
    """An account of Codex, which comes last."""
    with (crew.stage.folder / "fleet" / "accounts.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[account]]\nname = "other"\nagent = "codex"\n')


def agents(crew: Crew) -> list[dict[str, Any]]:
    """The state file's records."""
    found: list[dict[str, Any]] = json.loads((crew.stage.folder / "state.json").read_text(encoding="utf-8"))["agents"]
    return [flat(agent) for agent in found]


def log(crew: Crew) -> str:
    """The loop's log so far."""
    file = crew.stage.folder / "fleet" / "loop.log"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def events(crew: Crew, name: str) -> list[dict[str, Any]]:
    """Lines of the journal with this event."""
    journal = (crew.stage.folder / "fleet" / "events.jsonl").read_text(encoding="utf-8")
    return [event for line in journal.splitlines() if (event := json.loads(line))["event"] == name]
