"""What a real Codex needs on a stage: its scripted model, environment and configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.practice.real_client import TOKEN, RealClient
from fleetscripts.practice.stage import Stage

CODEX_HOME = "codex"
"""Below the stage's folder: apart from the home, so that a client started without the variable is noticed."""

_CODEX_CONFIG = """\
model = "gpt-5"
model_provider = "practice"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.practice]
name = "practice"
base_url = "http://127.0.0.1:{port}/v1"
wire_api = "responses"
env_key = "PRACTICE_MODEL_KEY"
request_max_retries = 1
stream_max_retries = 1
"""


def _codex_environment(folder: Path) -> Mapping[str, str]:
    return {"CODEX_HOME": str(folder / CODEX_HOME), "PRACTICE_MODEL_KEY": TOKEN}


def _configure_codex(folder: Path, port: int) -> None:
    (folder / CODEX_HOME).mkdir(exist_ok=True)
    (folder / CODEX_HOME / "config.toml").write_text(_CODEX_CONFIG.format(port=port), encoding="utf-8")


CODEX = RealClient("codex", "tests.practice.model_openai", _codex_environment, _configure_codex)


def real_stage(folder: Path, program: Path | None, **more: Any) -> Stage:
    """A stage for Codex if the program is called so, for Claude Code otherwise, the practice agent without one."""
    if program is not None and program.name == CODEX.kind:
        more["needs"] = CODEX
    return Stage(folder, program, **more)
