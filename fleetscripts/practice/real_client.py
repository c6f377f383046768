"""What a real client needs on a stage: its scripted model, environment and configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.registry import VERSION

TOKEN = "sk-ant-oat01-practice"
"""Of no account: the scripted models need none, but clients insist on having one."""


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


CLAUDE = RealClient("claude", "fleetscripts.practice.model_anthropic", _claude_environment, _configure_claude)
