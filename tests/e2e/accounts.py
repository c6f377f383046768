"""A stage whose clients work on several accounts, each with a token of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import program_of
from tests.e2e.crew import Crew, crew_on
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

    def listed(crew: Crew) -> None:
        folder = crew.stage.folder
        file = folder / "fleet" / "accounts.toml"
        entries = [entry(folder, name, token, crew.stage.kind) for name, token in tokens.items()]
        file.write_text("\n".join(entries), encoding="utf-8")
        file.chmod(0o600)

    with crew_on(lambda folder: real_stage(folder, program or program_of(kind)), spares, CONFIG, listed) as made:
        yield made


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
