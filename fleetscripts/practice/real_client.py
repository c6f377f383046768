"""What each real client needs on a stage: its scripted model, environment and configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.registry import VERSION

TOKEN = "sk-ant-oat01-practice"
"""Of no account: the scripted models need none, but the clients insist on having one."""

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


@dataclass(frozen=True, slots=True)
class RealClient:
    """One real client. ``environment`` gives the variables for a stage in that folder; ``configure`` writes its files
    once the model's port is known."""

    kind: str
    model: str
    environment: Callable[[Path], Mapping[str, str]]
    configure: Callable[[Path, int], None]


def _claude_environment(_folder: Path) -> Mapping[str, str]:
    return {
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_OAUTH_TOKEN": TOKEN,
        "IS_SANDBOX": "1",
    }


def _configure_claude(folder: Path, _port: int) -> None:
    onboarded = {"hasCompletedOnboarding": True, "theme": "dark", "numStartups": 5, "lastOnboardingVersion": VERSION}
    (folder / "home" / ".claude.json").write_text(json.dumps(onboarded), encoding="utf-8")


def _codex_environment(folder: Path) -> Mapping[str, str]:
    return {"CODEX_HOME": str(folder / CODEX_HOME), "PRACTICE_MODEL_KEY": TOKEN}


def _configure_codex(folder: Path, port: int) -> None:
    (folder / CODEX_HOME).mkdir(exist_ok=True)
    (folder / CODEX_HOME / "config.toml").write_text(_CODEX_CONFIG.format(port=port), encoding="utf-8")


CLAUDE = RealClient("claude", "fleetscripts.practice.model_anthropic", _claude_environment, _configure_claude)
CODEX = RealClient("codex", "fleetscripts.practice.model_openai", _codex_environment, _configure_codex)


def real_client_of(program: Path) -> RealClient:
    """By the program's name; Claude Code under any other name."""
    return CODEX if program.name == CODEX.kind else CLAUDE
